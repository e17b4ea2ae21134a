import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { refusal } from '#contracts/codes';
import { type LastUsedReply, type LastUsedRequest } from '#contracts/last-use';
import { type LastUse } from '#key-lookup/last-use';
import { LookupUnavailable } from '#key-lookup/lookup-reader';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { LAST_USE } from './last-use.provider.ts';

@Controller()
export class LastUsedController {
  constructor(@Inject(LAST_USE) private readonly lastUse: LastUse) {}

  /** All items of all requests in one read. */
  @MessagePattern('keys.last-used', { list: true })
  async lastUsed(@Payload() list: readonly Delivery<LastUsedRequest>[]): Promise<ListResult<LastUsedReply>> {
    try {
      const times = await this.lastUse.read(list.flatMap(({ request }) => request.items));
      let next = 0;
      return list.map(({ request }) => ({
        results: times.slice(next, (next += request.items.length)).map(isoOrNull),
      }));
    } catch (fault) {
      if (!(fault instanceof LookupUnavailable)) throw fault;
      return list.map(() => UNAVAILABLE);
    }
  }
}

const UNAVAILABLE = refusal('UNAVAILABLE', 'What is kept of uses could not be asked.');

function isoOrNull(timeMs: number | undefined): string | null {
  return timeMs === undefined ? null : new Date(timeMs).toISOString();
}
