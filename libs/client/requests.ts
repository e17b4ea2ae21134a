import { setTimeout as delay } from 'node:timers/promises';
import { type WritePacket } from '@nestjs/microservices';
import { parseReply, type ReplyOf, type RequestOf, type Topic } from '#contracts/topics';
import { MAX_DEADLINE_MS } from '#runtime/delivery';
import { RequestExpired } from '#runtime/request-errors';
import { RequestRecord } from '#runtime/request-record';
import { RequestFault } from './request-fault.ts';
import { type Ask, askByObservable, type RequestTransport } from './request-transport.ts';

export interface RequestOptions {
  /** Unix ms, cut to 30 s from now. Travels with the request: a service drops what it can't start in time. Default: 10 s. */
  readonly deadlineMs?: number;
  /** Stops waiting; the request itself may still be carried out. */
  readonly signal?: AbortSignal;
}

/** The topics that change something; their requests carry a commandId. */
export type CommandTopic = {
  [T in Topic]: RequestOf<T> extends { commandId: string } ? T : never;
}[Topic];

const DEFAULT_TIMEOUT_MS = 10_000;
const COMMAND_ATTEMPTS = 5;
const FIRST_BACK_OFF_MS = 50;
const NOTHING = (): void => undefined;
const NO_OPTIONS: RequestOptions = {};

/**
 * Typed requests over any Nest transport. A reply is checked against its contract before anybody acts on it; whatever
 * is not such a reply (a transport's error, a timeout, a malformed answer) is thrown as a `RequestFault`.
 */
export class Requests {
  readonly #ask: Ask;

  constructor(transport: RequestTransport) {
    this.#ask = transport.ask?.bind(transport) ?? askByObservable(transport);
  }

  /** Asks once. One reply or a fault, never later than the deadline. */
  send<T extends Topic>(topic: T, request: RequestOf<T>, options: RequestOptions = NO_OPTIONS): Promise<ReplyOf<T>> {
    const { signal } = options;
    const deadlineMs = deadlineOf(options);
    if (deadlineMs <= Date.now() || signal?.aborted === true)
      return Promise.reject(new RequestFault('EXPIRED', topic, 'not sent: the deadline has passed'));
    const record = new RequestRecord(request, { deadlineMs });
    return this.#exchange(topic, record, signal);
  }

  /**
   * Sends a command until its outcome is known: after UNAVAILABLE or a fault of the transport again, with the same
   * commandId and deadline, which the memory in the user's stream makes harmless. Bounded in attempts and in time.
   */
  async command<T extends CommandTopic>(
    topic: T,
    request: RequestOf<T>,
    options: RequestOptions = {},
  ): Promise<ReplyOf<T>> {
    const deadlineMs = deadlineOf(options);
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.send(topic, request, { ...options, deadlineMs }).catch(unavailableOrThrow);
      if (!isUnavailable(outcome)) return outcome as ReplyOf<T>;
      const pauseMs = backOffMs(attempt);
      if (attempt === COMMAND_ATTEMPTS || Date.now() + pauseMs >= deadlineMs) {
        if (outcome instanceof RequestFault) throw outcome;
        return outcome;
      }
      await delay(pauseMs, undefined, { signal: options.signal }).catch(() => {
        throw new RequestFault('EXPIRED', topic, 'the caller gave up');
      });
    }
  }

  /** Lean, for what it keeps until the reply comes is what the collector copies about: a third of a busy caller's CPU. */
  #exchange<T extends Topic>(topic: T, record: RequestRecord, signal: AbortSignal | undefined): Promise<ReplyOf<T>> {
    return new Promise((resolve, reject) => {
      let isOver = false as boolean;
      let giveUp = NOTHING;
      let abort: (() => void) | undefined;
      if (signal !== undefined) {
        abort = () => {
          isOver = true;
          giveUp();
          reject(new RequestFault('EXPIRED', topic, 'the caller gave up'));
        };
        signal.addEventListener('abort', abort, { once: true });
      }
      const stop = this.#ask(topic, record, (packet: WritePacket<unknown>) => {
        if (isOver) return;
        isOver = true;
        giveUp();
        if (abort !== undefined) signal?.removeEventListener('abort', abort);
        const outcome = outcomeOf(topic, packet);
        if (outcome instanceof RequestFault) reject(outcome);
        else resolve(outcome);
      });
      // A transport that answers at once does so before there is anything to give up.
      if (isOver) stop();
      else giveUp = stop;
    });
  }
}

function outcomeOf<T extends Topic>(
  topic: T,
  { err: thrown, response }: WritePacket<unknown>,
): ReplyOf<T> | RequestFault {
  const cause: unknown = thrown;
  if (cause) return transportFault(topic, cause);
  if (response === undefined) return new RequestFault('UNAVAILABLE', topic, 'no reply came');
  // The contract's own message would quote what came; an answer that nobody can vouch for stays out of logs.
  const shape = 'the reply is not of the shape of its contract';
  return parseReply(topic, response) ?? new RequestFault('UNAVAILABLE', topic, shape);
}

/** No service keeps a request in force for longer than its 30 s, and `setTimeout` takes 24 days for no time at all. */
function deadlineOf({ deadlineMs }: RequestOptions): number {
  const nowMs = Date.now();
  return deadlineMs === undefined ? nowMs + DEFAULT_TIMEOUT_MS : Math.min(deadlineMs, nowMs + MAX_DEADLINE_MS);
}

function transportFault(topic: Topic, cause: unknown): RequestFault {
  return cause instanceof RequestExpired
    ? new RequestFault('EXPIRED', topic, 'no answer before the deadline', { cause })
    : new RequestFault('UNAVAILABLE', topic, 'the transport failed', { cause });
}

function unavailableOrThrow(error: unknown): RequestFault {
  if (error instanceof RequestFault && error.code === 'UNAVAILABLE') return error;
  throw error;
}

function isUnavailable(outcome: object): boolean {
  return 'code' in outcome && outcome.code === 'UNAVAILABLE';
}

/** Doubles each time, spread over half of itself so that the callers of one outage don't all come back together. */
function backOffMs(attempt: number): number {
  const fullMs = FIRST_BACK_OFF_MS * 2 ** (attempt - 1);
  return Math.round(fullMs * (0.5 + Math.random() / 2));
}
