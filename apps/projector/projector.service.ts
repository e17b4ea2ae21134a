import { type BeforeApplicationShutdown, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { type RedisLease } from '#key-lookup/redis-lease';
import { type SkippedEvent } from './project-events.ts';
import { type ProjectionStatus } from './projection-record.ts';
import { Projector, type ProjectorOptions } from './projector.ts';

const REASONS: Record<SkippedEvent['reason'], string> = {
  type: 'unknown type',
  version: 'unknown schema version',
  data: 'malformed data',
  user: 'names another user than its stream',
};

export interface ProjectorServiceOptions extends ProjectorOptions {
  /** Where there may be several: it leads while it has this. */
  readonly lease?: Pick<RedisLease, 'lead'>;
}

/** A projector with the application's life. */
export class ProjectorService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('Projector');
  readonly #stop = new AbortController();
  readonly #projector: Projector;
  readonly #lease: ProjectorServiceOptions['lease'];
  #running: Promise<void> = Promise.resolve();

  constructor({ lease, ...options }: ProjectorServiceOptions) {
    this.#lease = lease;
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
    this.#running = this.#lease?.lead((signal) => this.#lead(signal), this.#stop.signal) ?? this.#follow();
  }

  async #lead(signal: AbortSignal): Promise<void> {
    this.#logger.log('This projector leads.');
    await this.#projector.run(signal);
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
