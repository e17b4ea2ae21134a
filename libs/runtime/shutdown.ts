import { setTimeout as delay } from 'node:timers/promises';
import { type Logger } from 'pino';

interface Step {
  readonly name: string;
  readonly stop: () => unknown;
}

/**
 * Ends the process in order and in time. Each part is added as it has started; the last one started stops first. A part
 * may take half of the time that is left before the next one stops as well, so that none waits for one that hangs. A
 * signal while still starting stops what has started by then.
 *
 * Exit codes: 0 when all stopped; 1 when a part failed to or had not by the end, when a second signal came (all named in
 * the log), or on an error that nobody caught: what is true after that is unknown, so nothing more is done.
 */
export class Shutdown {
  readonly #logger: Logger;
  readonly #withinMs: number;
  readonly #steps: Step[] = [];
  /** Begun and not over, in the order of their beginning. */
  readonly #underWay = new Set<string>();
  readonly #stopping = new AbortController();

  constructor(logger: Logger, options: { readonly withinMs?: number } = {}) {
    this.#logger = logger;
    this.#withinMs = options.withinMs ?? 10_000;
    process.on('SIGTERM', (signal) => this.#onSignal(signal));
    process.on('SIGINT', (signal) => this.#onSignal(signal));
    process.on('uncaughtException', (error) => this.#crash(error, 'Nobody caught an error'));
    process.on('unhandledRejection', (error) => this.#crash(error, 'Nobody handled a rejection'));
  }

  /** For readiness: nothing new should come here from then on. */
  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Aborts when the end begins: for what waits while starting. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  add(name: string, stop: () => unknown): void {
    this.#steps.push({ name, stop });
  }

  #onSignal(signal: NodeJS.Signals): void {
    if (this.isStopping) {
      const notStopped = [...this.#underWay, ...this.#steps.toReversed().map(({ name }) => name)];
      this.#logger.warn({ signal, notStopped }, 'Second signal: ends at once');
      process.exit(1);
    }
    this.#stopping.abort();
    this.#logger.info({ signal }, 'Stopping');
    void this.#stopAll().then((hasFailed) => {
      if (this.#underWay.size > 0) {
        const notStopped = [...this.#underWay];
        this.#logger.error({ notStopped }, `Not stopped within ${this.#withinMs} ms: ends now`);
        process.exit(1);
      }
      this.#logger.info('Stopped');
      process.exit(hasFailed ? 1 : 0);
    });
  }

  /** Whether any part failed to stop, as opposed to being late. */
  async #stopAll(): Promise<boolean> {
    let hasFailed = false;
    const untilMs = performance.now() + this.#withinMs;
    const begun: Promise<void>[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const { name } = step;
      const stopped = this.#stop(step).catch((error: unknown) => {
        hasFailed = true;
        this.#logger.error({ err: error, part: name }, 'Did not stop');
      });
      begun.push(stopped);
      await Promise.race([stopped, delay((untilMs - performance.now()) / 2)]);
      if (this.#underWay.has(name)) this.#logger.warn({ part: name }, 'Still stopping, and the others meanwhile');
    }
    await Promise.race([Promise.all(begun), delay(untilMs - performance.now())]);
    return hasFailed;
  }

  async #stop({ name, stop }: Step): Promise<void> {
    this.#underWay.add(name);
    try {
      await stop();
    } finally {
      this.#underWay.delete(name);
    }
  }

  #crash(error: unknown, message: string): never {
    this.#logger.fatal({ err: error }, message);
    process.exit(1);
  }
}
