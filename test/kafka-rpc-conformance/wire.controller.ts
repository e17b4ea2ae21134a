import { Catch, Controller, type RpcExceptionFilter, UseFilters } from '@nestjs/common';
import { Ctx, EventPattern, type KafkaContext, MessagePattern, Payload } from '@nestjs/microservices';
import { type Observable, throwError } from 'rxjs';
import { described, EMPTY_REPLIES, FAILURES, FILTERED, PAYLOADS, STREAMS } from './wire-cases.ts';

export const PATTERNS = [
  'wire.describe',
  'wire.reply',
  'wire.fail',
  'wire.filtered',
  'wire.stream',
  'wire.context',
  'wire.keyed',
] as const;
export const EVENT = 'wire.event';

interface Nth {
  readonly nth: number;
}

class NthError extends Error {
  constructor(readonly nth: number) {
    super('for the filter');
  }
}

@Catch(NthError)
class NthFilter implements RpcExceptionFilter<NthError> {
  catch({ nth }: NthError): Observable<never> {
    return throwError(() => FILTERED[nth]?.error);
  }
}

/** One handler per kind of row, on any transport. */
@Controller()
export class WireController {
  /** What `describe` and `event` were given. */
  readonly seen: unknown[] = [];
  #onSeen: (() => void)[] = [];

  @MessagePattern('wire.describe')
  describe(@Payload() payload: unknown): object {
    this.#saw(payload);
    return described(payload);
  }

  @MessagePattern('wire.reply')
  reply(@Payload() { nth }: Nth): unknown {
    return [...PAYLOADS, ...EMPTY_REPLIES][nth]?.sent;
  }

  @MessagePattern('wire.fail')
  fail(@Payload() { nth }: Nth): never {
    throw FAILURES[nth]?.thrown;
  }

  @MessagePattern('wire.filtered')
  @UseFilters(new NthFilter())
  filtered(@Payload() { nth }: Nth): never {
    throw new NthError(nth);
  }

  @MessagePattern('wire.stream')
  stream(@Payload() { nth }: Nth): Observable<unknown> | undefined {
    return STREAMS[nth]?.stream();
  }

  @MessagePattern('wire.context')
  context(@Ctx() context: KafkaContext): object {
    const { key, value, headers, offset } = context.getMessage();
    return {
      topic: context.getTopic(),
      partition: context.getPartition(),
      // Not named `key` and `value`: at the top of a reply Nest takes them for a Kafka message's.
      recordKey: described(key),
      recordValue: described(value),
      header: described(headers?.['trace']),
      hasOffset: /^\d+$/.test(offset),
    };
  }

  @MessagePattern('wire.keyed')
  keyed(): object {
    return { key: 'a secret', value: { a: 1 } };
  }

  @EventPattern(EVENT)
  event(@Payload() payload: unknown): void {
    this.#saw(payload);
  }

  /** Resolves when a handler was given a payload like this, not counting the first `after` ones. */
  async hasSeen(payload: unknown, after = 0): Promise<void> {
    const looksFor = JSON.stringify(described(payload));
    while (!this.seen.slice(after).some((one) => JSON.stringify(described(one)) === looksFor)) {
      await new Promise<void>((resolve) => this.#onSeen.push(resolve));
    }
  }

  #saw(payload: unknown): void {
    this.seen.push(payload);
    for (const tell of this.#onSeen.splice(0)) tell();
  }
}
