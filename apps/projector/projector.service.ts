import { type BeforeApplicationShutdown, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { type LeaseTurn, type RedisLease } from '#key-lookup/redis-lease';
import { type SkippedEvent } from './project-events.ts';
import { type ProjectionStatus } from './projection-record.ts';
import { Projector, type ProjectorOptions } from './projector.ts';
import { standstill } from './standstill.ts';

const REASONS: Record<SkippedEvent['reason'], string> = {
  type: 'unknown type',
  version: 'unknown schema version',
  data: 'malformed data',
  user: 'names another user than its stream',
};

export interface ProjectorServiceOptions extends ProjectorOptions {
  /** Where there may be several: it leads while it has this. */
  readonly lease?: Pick<RedisLease, 'lead'>;
  /** For how long nothing may be proved or applied while it leads, before it gives the lease back. */
  readonly maxStandstillMs?: number;
}

/** A head proof comes each second. Well within the default MAX_STALENESS_MS, so that another one can still save the lookup. */
const MAX_STANDSTILL_MS = 10_000;

/** A projector with the application's life. */
export class ProjectorService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('Projector');
  readonly #stop = new AbortController();
  readonly #projector: Projector;
  readonly #lease: ProjectorServiceOptions['lease'];
  readonly #maxStandstillMs: number;
  #running: Promise<void> = Promise.resolve();

  constructor({ lease, maxStandstillMs = MAX_STANDSTILL_MS, ...options }: ProjectorServiceOptions) {
    this.#lease = lease;
    this.#maxStandstillMs = maxStandstillMs;
    this.#projector = new Projector(options, {
      onFault: (fault) => this.#logger.warn(`The projection does not follow the log: ${messageOf(fault)}`),
      onRecovery: () => this.#logger.log('The projection follows the log again.'),
      onSkipped: ({ stream, type, position, reason }) =>
        this.#logger.warn(
          `An event means nothing to this version and is passed over (${REASONS[reason]}): ` +
            `${JSON.stringify(type)} at ${position} in ${JSON.stringify(stream)}`,
        ),
      onRebuild: (reason) => this.#logger.warn(`The lookup is built anew: ${messageOf(reason)}`),
    });
  }

  /** For probes and metrics: `caughtUp` is what readiness asks for. */
  get status(): ProjectionStatus {
    return this.#projector.status;
  }

  onApplicationBootstrap(): void {
    this.#running = this.#lease?.lead((turn) => this.#lead(turn), this.#stop.signal) ?? this.#follow();
  }

  async #lead({ signal, giveBack }: LeaseTurn): Promise<void> {
    this.#logger.log('This projector leads.');
    const follows = this.#projector.run(signal);
    // It may be cut off from the event store alone, and renew its lease for ever while another could do the work.
    void standstill(() => this.#projector.status, this.#maxStandstillMs, signal).then((isStandstill) => {
      if (!isStandstill) return;
      this.#logger.warn(`Nothing was proved or applied for ${this.#maxStandstillMs} ms: the lease is given back.`);
      giveBack();
    });
    await follows;
    this.#logger.log('This projector leads no longer.');
  }

  #follow(): Promise<void> {
    return this.#projector.run(this.#stop.signal);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : 'unknown fault';
}
