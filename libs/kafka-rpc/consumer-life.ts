import { type Consumer } from 'kafkajs';

export type ConsumerStatus = 'connected' | 'disconnected' | 'rebalancing' | 'stopped' | 'crashed';

/** What the events of one consumer of kafkajs, which is not restarted, tell of it. */
export class ConsumerLife {
  #isMember = false;
  #lastSignMs = performance.now();
  readonly #joined: Promise<void>;
  readonly #ended: Promise<Error>;

  constructor(consumer: Consumer, onStatus: (status: ConsumerStatus) => void) {
    const { events } = consumer;
    const sign = () => (this.#lastSignMs = performance.now());
    consumer.on(events.FETCH, sign);
    consumer.on(events.HEARTBEAT, sign);
    consumer.on(events.CONNECT, () => onStatus('connected'));
    consumer.on(events.DISCONNECT, () => onStatus('disconnected'));
    consumer.on(events.STOP, () => onStatus('stopped'));
    consumer.on(events.REBALANCING, () => {
      sign();
      onStatus('rebalancing');
    });
    this.#ended = new Promise((resolve) => {
      consumer.on(events.CRASH, ({ payload }) => {
        this.#isMember = false;
        onStatus('crashed');
        resolve(payload.error);
      });
    });
    this.#joined = new Promise((resolve, reject) => {
      consumer.on(events.GROUP_JOIN, () => {
        sign();
        this.#isMember = true;
        resolve();
      });
      void this.#ended.then(reject);
    });
    this.#joined.catch(() => undefined);
  }

  /** Resolves when the consumer is first a member of its group; rejects when it never will be. */
  get joined(): Promise<void> {
    return this.#joined;
  }

  /** Resolves when it has failed, with what it failed for. */
  get ended(): Promise<Error> {
    return this.#ended;
  }

  get isMember(): boolean {
    return this.#isMember;
  }

  /** For how long nothing has been fetched, answered or joined. */
  get silentMs(): number {
    return performance.now() - this.#lastSignMs;
  }
}
