/** Events as commands append them, for logs that a benchmark reads or writes. */
import { randomBytes, randomUUID } from 'node:crypto';
import { keyEventMetadata } from '#keys/parse-key-event';

const digest = randomBytes(32).toString('hex');

export function keyCreated(userId, keyId = randomUUID()) {
  return {
    id: randomUUID(),
    type: 'KeyCreated',
    data: {
      userId,
      keyId,
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
