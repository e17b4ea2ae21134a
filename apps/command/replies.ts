import { type Refusal } from '#contracts/codes';
import { type DeleteKeyReply, type DeleteUserReply, type KeyReply } from '#contracts/commands';
import { keyRecord } from '#keys/key-record';
import { type Done } from './user-decisions.ts';

/** What a decision came to, as the contracts say it: positions as decimal text, the key as a record. */
export function keyReply(userId: string, outcome: Done | Refusal): KeyReply {
  if (!outcome.ok) return outcome;
  if (outcome.key === undefined) throw new Error('A key that was created or changed is not in the state after it');
  return { ok: true, record: keyRecord(userId, outcome.key), position: String(outcome.position) };
}

export function deleteKeyReply(outcome: Done | Refusal): DeleteKeyReply {
  return outcome.ok ? { ok: true, position: String(outcome.position) } : outcome;
}

export function deleteUserReply(outcome: Done | Refusal): DeleteUserReply {
  if (!outcome.ok) return outcome;
  return { ok: true, position: String(outcome.position), deletedKeys: [...outcome.deletedKeys] };
}
