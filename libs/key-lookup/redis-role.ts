import { type Redis, ReplyError } from 'ioredis';

/** Between two looks at the role, and from a wrong one to the next connection. */
const LOOK_MS = 1000;

interface RoleListener {
  /** It is a master. */
  readonly ready: () => void;
  /** It is none, or does not say. */
  readonly lost: (fault: Error) => void;
}

/**
 * Whether a connection leads to a master: its address may come to lead to a replica, which lags behind and goes on answering
 * when it is cut off; and a demotion keeps the connections. Asked first on each connection, and again from time to time. As
 * answers come in the order of their commands, no command that is sent after it is answered before the role is known.
 */
export class RoleWatch {
  readonly #redis: Redis;
  readonly #listener: RoleListener;
  #isMaster = false;
  /** Grows with each connection. */
  #connection = 0;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(redis: Redis, listener: RoleListener) {
    this.#redis = redis;
    this.#listener = listener;
    redis.on('close', () => this.#forget());
    redis.on('ready', () => {
      this.#forget();
      this.#look();
    });
  }

  /** To be asked after each answer. @throws Error: it counts for nothing */
  requireMaster(): void {
    if (!this.#isMaster) throw new Error('The server is not known to be a master.');
  }

  close(): void {
    this.#isClosed = true;
    this.#forget();
  }

  #forget(): void {
    this.#connection += 1;
    this.#isMaster = false;
    clearTimeout(this.#timer);
  }

  #look(): void {
    const connection = this.#connection;
    // `then` and not `await`: it must run before the next answer is taken.
    this.#redis.info('replication').then(
      (text) => {
        if (connection === this.#connection) this.#take(/^role:master\r?$/m.test(text));
      },
      (error: unknown) => {
        if (connection !== this.#connection) return;
        // A server that is slow, or away, has not said what it is: that is as it was.
        if (error instanceof ReplyError) this.#take(false, error as Error);
        else this.#timer = setTimeout(() => this.#look(), LOOK_MS);
      },
    );
  }

  #take(isMaster: boolean, fault = new Error('The server is a replica.')): void {
    if (this.#isClosed) return;
    const isNew = isMaster && !this.#isMaster;
    this.#isMaster = isMaster;
    if (isNew) this.#listener.ready();
    if (!isMaster) this.#listener.lost(fault);
    // By a new connection the address may lead elsewhere; not at once, or it would be asked without a pause.
    this.#timer = setTimeout(() => (isMaster ? this.#look() : this.#redis.disconnect(true)), LOOK_MS);
  }
}
