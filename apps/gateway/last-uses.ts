import { Injectable } from '@nestjs/common';
import { type FastifyReply } from 'fastify';
import { RequestFault } from '#client/request-fault';
import { Requests } from '#client/requests';
import { MAX_LAST_USED_ITEMS } from '#contracts/last-use';

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
    const deadlineMs = Date.now() + WAIT_MS;
    try {
      const told = await Promise.all(slices(items).map((slice) => this.#ask(slice, deadlineMs)));
      return told.every((lastUses) => lastUses !== 'unknown') ? told.flat() : 'unknown';
    } catch (error) {
      if (error instanceof RequestFault) return 'unknown';
      throw error;
    }
  }

  async #ask(items: { userId: string; keyId: string }[], deadlineMs: number): Promise<LastUses> {
    const reply = await this.requests.send('keys.last-used', { items }, { deadlineMs });
    return 'results' in reply && reply.results.length === items.length ? reply.results : 'unknown';
  }
}

/** An import may have brought more keys than one request may name. */
function slices<Item>(items: readonly Item[]): Item[][] {
  const count = Math.ceil(items.length / MAX_LAST_USED_ITEMS);
  return Array.from({ length: count }, (_, nth) =>
    items.slice(nth * MAX_LAST_USED_ITEMS, (nth + 1) * MAX_LAST_USED_ITEMS),
  );
}

/** @returns the time of each key by its index */
export function tellLastUses(reply: FastifyReply, lastUses: LastUses): (index: number) => string | null {
  if (lastUses !== 'unknown') return (index) => lastUses[index] ?? null;
  reply.header('x-latchkey-last-used', 'unknown');
  return () => null;
}
