import { type Logger } from 'pino';

interface Step {
  readonly name: string;
  readonly stop: () => unknown;
}

/**
 * Ends the process in order and in time. Each part is added as it has started; the last one started stops first. A signal
 * while still starting stops what has started by then.
 *
 * Exit codes: 0 when all stopped; 1 when a part failed to, when the bound passed or a second signal came (both named in
 * the log), or on an error that nobody caught: what is true after that is unknown, so nothing more is done.
 */
export class Shutdown {
  readonly #logger: Logger;
  readonly #withinMs: number;
  readonly #steps: Step[] = [];
  #current: Step | undefined;
  #isStopping = false;

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
    return this.#isStopping;
  }

  add(name: string, stop: () => unknown): void {
    this.#steps.push({ name, stop });
  }

  #onSignal(signal: NodeJS.Signals): void {
    if (this.#isStopping) {
      this.#logger.warn({ signal, notStopped: this.#notStopped() }, 'Second signal: ends at once');
      process.exit(1);
    }
    this.#isStopping = true;
    this.#logger.info({ signal }, 'Stopping');
    setTimeout(() => {
      this.#logger.error({ notStopped: this.#notStopped() }, `Not stopped within ${this.#withinMs} ms: ends now`);
      process.exit(1);
    }, this.#withinMs);
    void this.#stopAll().then((allStopped) => {
      this.#logger.info('Stopped');
      process.exit(allStopped ? 0 : 1);
    });
  }

  async #stopAll(): Promise<boolean> {
    let allStopped = true;
    for (this.#current = this.#steps.pop(); this.#current !== undefined; this.#current = this.#steps.pop()) {
      try {
        await this.#current.stop();
      } catch (error) {
        allStopped = false;
        this.#logger.error({ err: error, part: this.#current.name }, 'Did not stop');
      }
    }
    return allStopped;
  }

  #notStopped(): string[] {
    const current = this.#current === undefined ? [] : [this.#current];
    return [...current, ...this.#steps.toReversed()].map(({ name }) => name);
  }

  #crash(error: unknown, message: string): never {
    this.#logger.fatal({ err: error }, message);
    process.exit(1);
  }
}
