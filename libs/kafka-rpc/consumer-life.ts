import { type Consumer } from 'kafkajs';

/** Longer than any pause that kafkajs makes between two attempts at anything. */
const STALLED_MS = 60_000;

export type ConsumerStatus = 'connected' | 'disconnected' | 'rebalancing' | 'stopped' | 'crashed';

/**
 * Whether a consumer still does its work. kafkajs restarts one that fails for a reason that passes, a broker that is away
 * for instance; from any other it stops for good, and the process would live on without ever reading again.
 */
export class ConsumerLife {
  #isDead = false;
  #hasJoined = false;
  #lastSignMs = performance.now();
  readonly #joined: Promise<void>;

  constructor(consumer: Consumer, onStatus: (status: ConsumerStatus) => void = () => undefined) {
    const { events } = consumer;
    const sign = () => (this.#lastSignMs = performance.now());
    consumer.on(events.FETCH_START, sign);
    consumer.on(events.FETCH, sign);
    consumer.on(events.HEARTBEAT, sign);
    consumer.on(events.CONNECT, () => onStatus('connected'));
    consumer.on(events.DISCONNECT, () => onStatus('disconnected'));
    consumer.on(events.STOP, () => onStatus('stopped'));
    consumer.on(events.REBALANCING, () => {
      sign();
      onStatus('rebalancing');
    });
    this.#joined = new Promise((resolve, reject) => {
      consumer.on(events.GROUP_JOIN, () => {
        sign();
        this.#hasJoined = true;
        resolve();
      });
      consumer.on(events.CRASH, ({ payload }) => {
        sign();
        this.#hasJoined = false;
        if (payload.restart) return;
        this.#isDead = true;
        onStatus('crashed');
        reject(payload.error);
      });
    });
    this.#joined.catch(() => undefined);
  }

  /** Resolves when the consumer is first a member of its group; rejects when it never will be. */
  get joined(): Promise<void> {
    return this.#joined;
  }

  /** For liveness: false only for what a restart of the process would mend. A broker that is away is not that. */
  get isUp(): boolean {
    return !this.#isDead && performance.now() - this.#lastSignMs < STALLED_MS;
  }

  /** For readiness: it reads, as far as it knows. */
  get isReading(): boolean {
    return this.isUp && this.#hasJoined;
  }
}
