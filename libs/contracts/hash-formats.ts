/**
 * How a key's hash is written (PostHog's formats, so that its hashes can be imported as they are):
 *   sha256$<64 lower-case hex>                                              the value's SHA-256
 *   pbkdf2_sha256$<iterations>$posthog_personal_api_key$<44 base64>          legacy, from before February 2024
 * A legacy hash without its digest, `pbkdf2_sha256$260000$posthog_personal_api_key`, names a *parameter set*.
 */
export const MODERN_HASH = /^sha256\$[0-9a-f]{64}$/;
export const LEGACY_SALT = 'posthog_personal_api_key';

/** What PostHog used; and 1, for tests of theirs (see the setting LEGACY_TEST_ITERATIONS). A forged count would burn CPU. */
export const LEGACY_ITERATIONS = [260_000, 390_000, 1] as const;

const iterations = LEGACY_ITERATIONS.join('|');
export const LEGACY_PARAMETER_SET = new RegExp(`^pbkdf2_sha256\\$(?:${iterations})\\$${LEGACY_SALT}$`);
export const LEGACY_HASH = new RegExp(`^pbkdf2_sha256\\$(?:${iterations})\\$${LEGACY_SALT}\\$[A-Za-z0-9+/]{43}=$`);
export const VERIFIABLE_HASH = new RegExp(`${MODERN_HASH.source}|${LEGACY_HASH.source}`);
