import { Logger } from '@nestjs/common';
import { type MessageHandler, RpcException } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { type z } from 'zod';
import { type Delivery } from './delivery.ts';

/** What the transports know of the contracts: no schema means that a topic's requests pass unchecked. */
export interface MessageContract {
  readonly requestSchema: (topic: string) => z.ZodType | undefined;
  /** The reply to a request that its contract does not accept. */
  readonly refuse: (topic: string, error: z.ZodError) => unknown;
}

/** What becomes of one message. `error` is what travels in place of a reply; an expired message is not answered. */
export type Outcome =
  | { readonly kind: 'reply'; readonly reply: unknown }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'expired' };

export interface MessageList {
  readonly topic: string;
  readonly handler: MessageHandler<unknown, unknown, unknown>;
  /** What `@Ctx()` gives. */
  readonly context: unknown;
  /** Decoded, not yet validated. */
  readonly messages: readonly Delivery<unknown>[];
  /** Called exactly once for each message, by its index, as soon as its outcome is known. */
  readonly settle: (index: number, outcome: Outcome) => void;
  /** Called once, when the handler has returned or thrown and every result that was ready is settled. */
  readonly returned?: () => void;
}

/** Whether the handler was declared with `@MessagePattern(topic, { list: true })`. */
export function takesList(handler: MessageHandler<unknown, unknown, unknown>): boolean {
  return handler.extras?.['list'] === true;
}

/**
 * The list contract, the same on every transport. Each message is validated alone and a bad one refused alone; the rest
 * goes to the handler in one call, as `Delivery[]` in order of arrival. Nest's pipes, guards, interceptors and filters
 * wrap that call, so they run once per list. The handler returns one result per delivery, in order, where each is ready
 * (answered at once) or promised (answered when it settles; a rejection concerns that message alone and meets no filter).
 * What the call throws answers every message of the list. A filter that wants to answer with a reply returns a list, too.
 */
export class ListDispatch {
  readonly #contract: MessageContract;
  readonly #logger = new Logger('ListDispatch');
  #expired = 0;

  constructor(contract: MessageContract) {
    this.#contract = contract;
  }

  /** How many messages were dropped because their deadline had passed. */
  get expired(): number {
    return this.#expired;
  }

  /** Counts and drops a message that is too late to start on. */
  isExpired(message: Delivery<unknown>): boolean {
    if (Date.now() < message.deadlineMs) return false;
    this.#expired += 1;
    return true;
  }

  /** Resolves when every message is settled; never rejects. */
  async run(list: MessageList): Promise<void> {
    const accepted: { readonly index: number; readonly delivery: Delivery<unknown> }[] = [];
    for (const [index, message] of list.messages.entries()) {
      const checked = this.#check(list.topic, message);
      if (checked.kind === 'accepted') accepted.push({ index, delivery: checked.delivery });
      else list.settle(index, checked);
    }
    if (accepted.length === 0) {
      list.returned?.();
      return;
    }
    let results: readonly unknown[];
    try {
      const deliveries = accepted.map(({ delivery }) => delivery);
      const returned = await resultOf(list.handler(deliveries, list.context));
      results = list.handler.isEventHandler === true ? [] : expectResults(returned, deliveries.length);
    } catch (thrown) {
      const error = this.publicError(thrown);
      for (const { index } of accepted) list.settle(index, { kind: 'error', error });
      list.returned?.();
      return;
    }
    const promised: Promise<void>[] = [];
    for (const [position, { index }] of accepted.entries()) {
      const result = results[position];
      if (isPromiseLike(result)) promised.push(this.#settleLater(list, index, result));
      else list.settle(index, { kind: 'reply', reply: result });
    }
    list.returned?.();
    await Promise.all(promised);
  }

  /**
   * What travels for something thrown by a handler as Nest hands it to a transport. Exceptions have met the filters by
   * then and are plain values, which travel as they are; an Error that is left says nothing of its cause.
   */
  publicError(thrown: unknown): unknown {
    return thrown instanceof Error ? this.#exceptionError(thrown) : thrown;
  }

  /** As Nest's own BaseRpcExceptionFilter: an RpcException says what it holds, all else is logged and says nothing. */
  #exceptionError(exception: unknown): unknown {
    if (exception instanceof RpcException) {
      const error = exception.getError();
      return typeof error === 'object' ? error : { status: 'error', message: error };
    }
    this.#logger.error(exception);
    return { status: 'error', message: 'Internal server error' };
  }

  #check(topic: string, message: Delivery<unknown>): Outcome | { kind: 'accepted'; delivery: Delivery<unknown> } {
    if (this.isExpired(message)) return { kind: 'expired' };
    try {
      const parsed = this.#contract.requestSchema(topic)?.safeParse(message.request);
      if (parsed === undefined) return { kind: 'accepted', delivery: message };
      if (!parsed.success) return { kind: 'reply', reply: this.#contract.refuse(topic, parsed.error) };
      return { kind: 'accepted', delivery: { ...message, request: parsed.data } };
    } catch (fault) {
      return { kind: 'error', error: this.#exceptionError(fault) };
    }
  }

  async #settleLater(list: MessageList, index: number, promised: PromiseLike<unknown>): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = { kind: 'reply', reply: await promised };
    } catch (exception) {
      outcome = { kind: 'error', error: this.#exceptionError(exception) };
    }
    list.settle(index, outcome);
  }
}

async function resultOf(returned: ReturnType<MessageHandler<unknown, unknown, unknown>>): Promise<unknown> {
  const result: unknown = await returned;
  return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
}

function expectResults(results: unknown, length: number): readonly unknown[] {
  if (Array.isArray(results) && results.length === length) return results;
  // Nobody will wait for these; a rejection must not pass for one that was forgotten.
  if (Array.isArray(results))
    for (const result of results.filter(isPromiseLike)) void result.then(undefined, () => undefined);
  const got = Array.isArray(results) ? `${results.length} results` : typeof results;
  throw new Error(`A list handler returned ${got} for a list of ${length}`);
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
