import * as fc from 'fast-check';
import { hashNo } from '#testing/given-keys';
import { GRANTABLE_SCOPES, type ModelCommand, type ModelImport, type ModelIntent } from '#testing/key-model';

export const USERS = ['ann', 'bob'];
export const LEGACY_SETS = [260_000, 390_000].map((n) => `pbkdf2_sha256$${n}$posthog_personal_api_key`);
export const START = Date.parse('2026-03-01T08:00:00.000Z');

/** What one step of a random history does; ids and hashes come from pools so small that they meet. */
export interface Step {
  intent: ModelIntent;
  /** Send an earlier command once more: as it was, or its id with this step's payload. */
  retry: { back: number; samePayload: boolean } | undefined;
  /** Comes between the step's first read and its decision. */
  meanwhile: ModelIntent | undefined;
}

export function commandOf({ intent, retry }: Step, index: number, sent: ModelCommand[]): ModelCommand {
  const fresh = { ...intent, commandId: `c${index}` };
  const earlier = retry === undefined ? undefined : sent.at(-1 - retry.back);
  if (retry === undefined || earlier === undefined) return fresh;
  return retry.samePayload ? earlier : { ...fresh, commandId: earlier.commandId };
}

/** Imported keys, more than commands could create; their ids and times are among those that commands use. */
export function imports(): fc.Arbitrary<ModelImport[]> {
  const key = fc.record({
    userId: fc.constantFrom(...USERS),
    n: fc.nat(20),
    set: fc.constantFrom(...LEGACY_SETS, undefined),
  });
  const keys = fc.uniqueArray(key, { maxLength: 16, selector: ({ userId, n }) => `${userId}/${n}` });
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant<ModelImport[]>([]) },
    {
      weight: 1,
      arbitrary: keys.map((all) =>
        all.map(({ userId, n, set }) => ({
          userId,
          keyId: `key-${n}`,
          label: 'Imported',
          scopes: ['*'],
          hash: set === undefined ? ownHash(userId, n) : `${set}$${userId}${n}`,
          createdAt: new Date(START - 5 + n).toISOString(),
        })),
      ),
    },
  );
}

/** So that one user's hashes are never another's. */
export function ownHash(userId: string, n: number): string {
  return hashNo(USERS.indexOf(userId) * 1000 + n);
}

/** The same few for everybody. */
export function oneForAll(_userId: string, n: number): string {
  return hashNo(n % 5);
}

export function step(hash: (userId: string, n: number) => string): fc.Arbitrary<Step> {
  const retry = fc.option(fc.record({ back: fc.nat(8), samePayload: fc.boolean() }), { nil: undefined, freq: 3 });
  const meanwhile = fc.option(intent(hash), { nil: undefined, freq: 5 });
  return fc.record({ intent: intent(hash), retry, meanwhile });
}

function intent(hash: (userId: string, n: number) => string): fc.Arbitrary<ModelIntent> {
  const userId = fc.constantFrom(...USERS);
  const keyId = fc.nat(15).map((n) => `key-${n}`);
  const label = fc.constantFrom('CI', 'Nightly', 'Deploys');
  const description = fc.constantFrom(undefined, null, '', 'For the build host');
  const scopes = fc.array(fc.constantFrom(...GRANTABLE_SCOPES, ...GRANTABLE_SCOPES, 'invoice:read'), {
    minLength: 1,
    maxLength: 5,
  });
  const digest = fc.nat(60);
  const created = fc
    .record({ do: fc.constant<'createKey'>('createKey'), userId, keyId, label, description, scopes, n: digest })
    .map(({ n, ...rest }) => ({ ...rest, hash: hash(rest.userId, n), mask: `lkp_...${String(n).padStart(4, '0')}` }));
  const rolled = fc
    .record({ do: fc.constant<'rollKey'>('rollKey'), userId, keyId, n: digest })
    .map(({ n, ...rest }) => ({ ...rest, hash: hash(rest.userId, n), mask: `lkp_...${String(n).padStart(4, '0')}` }));
  const changes = { label, description, scopes };
  const changed = fc.record(
    { do: fc.constant<'changeKey'>('changeKey'), userId, keyId, ...changes },
    { requiredKeys: ['do', 'userId', 'keyId'] },
  );
  return fc.oneof(
    { weight: 10, arbitrary: created },
    { weight: 5, arbitrary: rolled },
    { weight: 5, arbitrary: changed },
    { weight: 2, arbitrary: fc.record({ do: fc.constant<'deleteKey'>('deleteKey'), userId, keyId }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant<'deleteUser'>('deleteUser'), userId }) },
  );
}

/** Rare by chance, so given: up to the limit and one beyond. */
export function elevenCreates(): Step[] {
  return Array.from({ length: 11 }, (_, n) => ({
    intent: {
      do: 'createKey',
      userId: 'ann',
      keyId: `key-${n}`,
      label: 'CI',
      scopes: ['*'],
      hash: hashNo(n),
      mask: 'm',
    },
    retry: undefined,
    meanwhile: undefined,
  }));
}
