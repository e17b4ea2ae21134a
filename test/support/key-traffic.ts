import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { joinVerifications } from '#contracts/join-verifications';
import { type ReplyOf, type RequestOf, TOPICS, type Topic } from '#contracts/topics';
import { sha256Hash } from '#credentials/hash';
import { mintKeyValue } from '#credentials/key-value';
import { RequestFault } from '#client/request-fault';
import { Requests } from '#client/requests';
import { KafkaRpcClient } from '#kafka-rpc/kafka-rpc-client';
import { restMs } from './scale.ts';

/** One request that has come to its end. */
export interface Settled {
  readonly topic: Topic;
  readonly startedMs: number;
  readonly settledMs: number;
  /** `right`: the answer that was due; otherwise what came in its place. */
  readonly outcome: 'right' | `failed: ${string}` | `wrong: ${string}`;
  /** Later than its deadline by more than the timers of this process are. */
  readonly isLate: boolean;
}

export interface KeyTrafficOptions {
  readonly brokers: readonly string[];
  readonly prefix: string;
  /** Each asks one thing at a time. */
  readonly workers?: number;
  /** Of each request. */
  readonly withinMs?: number;
}

interface KeyAtWork {
  readonly userId: string;
  readonly keyId: string;
  readonly hash: string;
  scopes: readonly string[];
  /** What is asked about it must have seen this. */
  minPosition: string;
}

const SCOPES = [['insight:read'], ['insight:write'], ['query:read']];
/** By this much later than its deadline a request would be late; measured by a timer of the same event loop. */
const GRACE_MS = 1_000;
/** Of each worker after each answer: what it waits for needs the processor, too. */
const PAUSE_MS = restMs(10);
/** A fault that comes at once is not asked about again at once. */
const PAUSE_AFTER_FAULT_MS = 50;

/**
 * An internal service that uses keys over Kafka and never stops: each worker has a user of its own with a key, verifies
 * it, verifies one that does not exist, changes it, and insists on seeing the change. It knows what every answer must be.
 */
export class KeyTraffic {
  readonly settled: Settled[] = [];
  readonly #client: KafkaRpcClient;
  readonly #requests: Requests;
  readonly #withinMs: number;
  readonly #hurried = new Map<Topic, number>();
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  readonly #keys = new Map<number, KeyAtWork>();
  #underWay = 0;

  private constructor(client: KafkaRpcClient, withinMs: number) {
    this.#client = client;
    this.#requests = new Requests(client);
    this.#withinMs = withinMs;
  }

  /** Resolves once every worker has its key, and all are at work. */
  static async start({ brokers, prefix, workers = 8, withinMs = 10_000 }: KeyTrafficOptions): Promise<KeyTraffic> {
    const client = new KafkaRpcClient({
      brokers,
      topicPrefix: prefix,
      patterns: Object.keys(TOPICS),
      joining: { 'keys.verify': joinVerifications },
    });
    await client.connect();
    const traffic = new KeyTraffic(client, withinMs);
    await Promise.all(Array.from({ length: workers }, (_, nth) => traffic.#open(nth)));
    for (let nth = 0; nth < workers; nth++) traffic.#running.push(traffic.#work(nth));
    return traffic;
  }

  get requests(): Requests {
    return this.#requests;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** All that did not get the answer that was due, from the `from`-th request on. */
  failures(from = 0): readonly Settled[] {
    return this.settled.slice(from).filter(({ outcome }) => outcome !== 'right');
  }

  /** Resolves when `count` more of them have been answered rightly, of every topic that is asked. */
  async goesWell(count = 20): Promise<void> {
    const from = this.settled.length;
    await this.until(() => {
      const right = this.settled.slice(from).filter(({ outcome }) => outcome === 'right');
      return ['keys.verify', 'keys.change'].every(
        (topic) => right.filter((one) => one.topic === topic).length >= count,
      );
    });
  }

  /** Gives those asked from now on another deadline, of `withinMs`; the one that this began with where it is not named. */
  hurry(topic: Topic, withinMs = this.#withinMs): void {
    this.#hurried.set(topic, withinMs);
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await delay(20);
  }

  /** Lets what is under way come to its end. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
    await this.#client.close();
  }

  async #open(nth: number): Promise<void> {
    const key = { userId: `traffic-${randomUUID()}`, keyId: randomUUID(), hash: newHash(), scopes: SCOPES[0]! };
    const request = { ...key, scopes: [...key.scopes], commandId: randomUUID(), label: 'Traffic', mask: 'lkp_...0000' };
    const reply = await this.#requests.command('keys.create', request, { deadlineMs: Date.now() + 30_000 });
    if (!reply.ok) throw new Error(`No key for the traffic: ${reply.code}`);
    this.#keys.set(nth, { ...key, minPosition: reply.position });
  }

  async #work(nth: number): Promise<void> {
    const key = this.#keys.get(nth)!;
    const { userId, keyId, hash } = key;
    for (let round = 1; !this.#stop.signal.aborted; round++) {
      await this.#ask('keys.verify', { hash, minPosition: key.minPosition }, (reply) => {
        if (!('valid' in reply)) return false;
        if (!reply.valid) return isFault(reply.code) && reply.code;
        return reply.keyId === keyId && String(reply.scopes) === String(key.scopes);
      });
      await this.#ask('keys.verify', { hash: newHash() }, (reply) => {
        if (!('valid' in reply) || reply.valid) return false;
        return reply.code === 'NOT_FOUND' || (isFault(reply.code) && reply.code);
      });
      const scopes = SCOPES[round % SCOPES.length]!;
      const change = { commandId: randomUUID(), userId, keyId, scopes: [...scopes] };
      // Until its outcome is known: the next verification depends on it.
      for (let isKnown = false; !isKnown;) {
        const outcome = await this.#ask('keys.change', change, (reply) => {
          if (!reply.ok) return isFault(reply.code) && reply.code;
          key.minPosition = reply.position;
          key.scopes = scopes;
          return String(reply.record.scopes) === String(scopes);
        });
        isKnown = !outcome.startsWith('failed') || this.#stop.signal.aborted;
      }
    }
  }

  /** @param judge true: the answer that was due; a code: a fault, which is no verdict; false: wrong */
  async #ask<T extends Topic>(
    topic: T,
    request: RequestOf<T>,
    judge: (reply: ReplyOf<T>) => boolean | string,
  ): Promise<Settled['outcome']> {
    const startedMs = Date.now();
    const withinMs = this.#hurried.get(topic) ?? this.#withinMs;
    let isLate = false;
    const late = setTimeout(() => (isLate = true), withinMs + GRACE_MS);
    this.#underWay += 1;
    let outcome: Settled['outcome'];
    try {
      const reply = await this.#requests.send(topic, request, { deadlineMs: startedMs + withinMs });
      const judged = judge(reply);
      if (judged === true) outcome = 'right';
      else outcome = judged === false ? `wrong: ${JSON.stringify(reply)}` : `failed: ${judged}`;
    } catch (fault) {
      if (!(fault instanceof RequestFault)) throw fault;
      outcome = `failed: ${fault.message}`;
    } finally {
      this.#underWay -= 1;
      clearTimeout(late);
    }
    this.settled.push({ topic, startedMs, settledMs: Date.now(), outcome, isLate });
    await delay(outcome === 'right' ? PAUSE_MS : PAUSE_AFTER_FAULT_MS);
    return outcome;
  }
}

/** Says that nothing is known, which is neither right nor wrong. */
function isFault(code: string): boolean {
  return code === 'UNAVAILABLE' || code === 'STALE';
}

function newHash(): string {
  return sha256Hash(mintKeyValue());
}
