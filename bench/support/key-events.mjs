/** Events as commands append them, for logs that a benchmark reads or writes. */
import { randomBytes, randomUUID } from 'node:crypto';
import { keyEventMetadata } from '#keys/parse-key-event';

const digest = randomBytes(32).toString('hex');

export function keyCreated(userId) {
  return {
    id: randomUUID(),
    type: 'KeyCreated',
    data: {
      userId,
      keyId: randomUUID(),
      label: 'Deploys',
      description: null,
      scopes: ['insight:read', 'feature_flag:write'],
      hash: `sha256$${randomBytes(32).toString('hex')}`,
      mask: 'lkp_...abcd',
      at: new Date().toISOString(),
    },
    metadata: keyEventMetadata('KeyCreated', { commandId: randomUUID(), digest }),
  };
}

/** Fills the log with keys, ten to a user. */
export async function seedKeys(store, count, usersAtOnce = 64) {
  let user = 0;
  const fill = async () => {
    while (user < count / 10) {
      const userId = `user-${user++}`;
      await store.append(
        `userKeys-${userId}`,
        'none',
        Array.from({ length: 10 }, () => keyCreated(userId)),
      );
    }
  };
  await Promise.all(Array.from({ length: usersAtOnce }, fill));
}
