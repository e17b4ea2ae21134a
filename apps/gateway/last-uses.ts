import { Injectable } from '@nestjs/common';
import { type FastifyReply } from 'fastify';
import { RequestFault } from '#client/request-fault';
import { Requests } from '#client/requests';

/** Of nobody's patience: what people asked for is there already. */
const WAIT_MS = 1_000;

/** When each of some keys was last used (ISO 8601, null: no use is known), in order; or that nobody could be asked. */
export type LastUses = readonly (string | null)[] | 'unknown';

/**
 * When keys were last used, as far as it can be told. No answer about keys fails or waits for it: where it can't be told,
 * the keys are shown as if they had no known use, and a header says that this is not so.
 */
@Injectable()
export class LastUseReader {
  constructor(private readonly requests: Requests) {}

  async of(keys: readonly { readonly userId: string; readonly keyId: string }[]): Promise<LastUses> {
    if (keys.length === 0) return [];
    const items = keys.map(({ userId, keyId }) => ({ userId, keyId }));
    try {
      const reply = await this.requests.send('keys.last-used', { items }, { deadlineMs: Date.now() + WAIT_MS });
      return 'results' in reply && reply.results.length === items.length ? reply.results : 'unknown';
    } catch (error) {
      if (error instanceof RequestFault) return 'unknown';
      throw error;
    }
  }
}

/** @returns the time of each key by its index */
export function tellLastUses(reply: FastifyReply, lastUses: LastUses): (index: number) => string | null {
  if (lastUses !== 'unknown') return (index) => lastUses[index] ?? null;
  reply.header('x-latchkey-last-used', 'unknown');
  return () => null;
}
