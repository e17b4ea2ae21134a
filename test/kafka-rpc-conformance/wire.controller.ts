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

/** One handler per kind of row, on any transport. Patterns are whole topics: stock NestJS knows no prefix of its own. */
export function wireController(prefix: string) {
  @Controller()
  class WireController {
    /** What `describe` and `event` were given. */
    readonly seen: unknown[] = [];
    #onSeen: (() => void)[] = [];

    @MessagePattern(`${prefix}wire.describe`)
    describe(@Payload() payload: unknown): object {
      this.#saw(payload);
      return described(payload);
    }

    @MessagePattern(`${prefix}wire.reply`)
    reply(@Payload() { nth }: Nth): unknown {
      return [...PAYLOADS, ...EMPTY_REPLIES][nth]?.sent;
    }

    @MessagePattern(`${prefix}wire.fail`)
    fail(@Payload() { nth }: Nth): never {
      throw FAILURES[nth]?.thrown;
    }

    @MessagePattern(`${prefix}wire.filtered`)
    @UseFilters(new NthFilter())
    filtered(@Payload() { nth }: Nth): never {
      throw new NthError(nth);
    }

    @MessagePattern(`${prefix}wire.stream`)
    stream(@Payload() { nth }: Nth): Observable<unknown> | undefined {
      return STREAMS[nth]?.stream();
    }

    @MessagePattern(`${prefix}wire.context`)
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

    @MessagePattern(`${prefix}wire.keyed`)
    keyed(): object {
      return { key: 'a secret', value: { a: 1 } };
    }

    @EventPattern(prefix + EVENT)
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
  return WireController;
}

export type WireController = InstanceType<ReturnType<typeof wireController>>;
