import { LEGACY_ITERATIONS, LEGACY_PARAMETER_SET, LEGACY_SALT } from '#contracts/hash-formats';

/** PBKDF2-HMAC-SHA256 over the UTF-8 value with one salt for all, so that a legacy hash can be looked up. */
export const LEGACY_DIGEST = 'sha256';
export const LEGACY_DIGEST_BYTES = 32;

/** The iteration count that only tests of imports use; see the setting LEGACY_TEST_ITERATIONS. */
const TEST_ITERATIONS = 1;

/**
 * The iterations of a parameter set (`pbkdf2_sha256$260000$posthog_personal_api_key`); undefined for any other text and
 * for counts that are not known: a forged count would burn the asking process's CPU.
 */
export function legacyIterations(
  parameterSet: string,
  { allowTestIterations }: { allowTestIterations: boolean },
): number | undefined {
  if (!LEGACY_PARAMETER_SET.test(parameterSet)) return undefined;
  return LEGACY_ITERATIONS.find(
    (iterations) =>
      legacyParameterSet(iterations) === parameterSet && (iterations !== TEST_ITERATIONS || allowTestIterations),
  );
}

export function legacyParameterSet(iterations: number): string {
  return `pbkdf2_sha256$${iterations}$${LEGACY_SALT}`;
}

/** `<parameter set>$<base64 of the 32 bytes>`, as PostHog stores it. */
export function legacyHash(parameterSet: string, digest: Uint8Array): string {
  return `${parameterSet}$${Buffer.from(digest).toString('base64')}`;
}
