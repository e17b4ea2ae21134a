import { type RecordedEvent, type ResolvedEvent } from '@eventstore/db-client';

/** What the client's subscriptions to a stream and to $all have in common. */
export interface Observable {
  on(event: 'data', listener: (resolved: ResolvedEvent) => void): unknown;
  on(event: 'confirmation' | 'caughtUp', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  unsubscribe(): Promise<void>;
  destroy(): unknown;
}

interface Waiting {
  readonly met: () => boolean;
  readonly resolve: () => void;
}

/** Everything that a subscription has delivered, and waiting for more of it without polling. */
export class Observed {
  readonly events: RecordedEvent[] = [];
  confirmed = false;
  caughtUp = 0;
  error: unknown;
  private stopped = false;
  private readonly waiting = new Set<Waiting>();

  constructor(private readonly subscription: Observable) {
    subscription.on('data', ({ event }) => {
      if (event) this.events.push(event);
      this.check();
    });
    subscription.on('confirmation', () => {
      this.confirmed = true;
      this.check();
    });
    subscription.on('caughtUp', () => {
      this.caughtUp += 1;
      this.check();
    });
    subscription.on('error', (error) => {
      this.error = error;
      this.check();
    });
  }

  /** Resolves once the condition holds; rejects with what was seen instead when it takes too long. */
  async until(what: string, met: () => boolean, timeoutMs = 15_000): Promise<void> {
    if (met()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(waiting);
        reject(new Error(`waited in vain for ${what}; ${this.describe()}`));
      }, timeoutMs);
      const waiting: Waiting = {
        met,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      this.waiting.add(waiting);
    });
  }

  async untilEvents(count: number): Promise<void> {
    await this.until(`${count} events`, () => this.events.length >= count);
  }

  async untilCaughtUp(): Promise<void> {
    await this.until('the live end', () => this.caughtUp > 0);
  }

  /** To be called by whatever else a condition depends on. */
  check(): void {
    for (const waiting of this.waiting) {
      if (!waiting.met()) continue;
      this.waiting.delete(waiting);
      waiting.resolve();
    }
  }

  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    await this.subscription.unsubscribe();
    this.subscription.destroy();
  }

  private describe(): string {
    const error = this.error instanceof Error ? `, error: ${this.error.message}` : '';
    return `confirmed: ${this.confirmed}, caught up: ${this.caughtUp}, events: ${this.events.length}${error}`;
  }
}
