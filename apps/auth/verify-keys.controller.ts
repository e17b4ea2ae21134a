import { type BeforeApplicationShutdown, Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { type Verdict, type VerifyReply, type VerifyRequest } from '#contracts/verification';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { Verifier, type VerifyTask } from '#verification/verifier';

@Controller()
export class VerifyKeysController implements BeforeApplicationShutdown {
  readonly #verifier: Verifier;

  constructor(@Inject(Verifier) verifier: Verifier) {
    this.#verifier = verifier;
  }

  /**
   * All items of all requests in one lookup. A request's reply is there at once unless one of its items waits for its
   * `minPosition`; then it is a promise, so that no other request waits with it.
   */
  @MessagePattern('keys.verify', { list: true })
  async verify(@Payload() list: readonly Delivery<VerifyRequest>[]): Promise<ListResult<VerifyReply>> {
    const verdicts = await this.#verifier.verify(list.flatMap(tasksOf));
    let next = 0;
    return list.map(({ request }) => {
      if (!('items' in request)) return verdicts[next++] ?? noVerdict();
      const own = verdicts.slice(next, (next += request.items.length));
      return own.every(isReady) ? { results: own } : whenAllReady(own);
    });
  }

  beforeApplicationShutdown(): void {
    this.#verifier.close();
  }
}

function tasksOf({ request, deadlineMs }: Delivery<VerifyRequest>): VerifyTask[] {
  const items = 'items' in request ? request.items : [request];
  return items.map((item) => ({ item, deadlineMs }));
}

function isReady(verdict: Verdict | Promise<Verdict>): verdict is Verdict {
  return !(verdict instanceof Promise);
}

async function whenAllReady(verdicts: readonly (Verdict | Promise<Verdict>)[]): Promise<VerifyReply> {
  return { results: await Promise.all(verdicts.map((verdict) => Promise.resolve(verdict))) };
}

function noVerdict(): never {
  throw new RangeError('There are fewer verdicts than items.');
}
