import { Controller, type DynamicModule, Get, Header, Inject, Logger, Module, Res } from '@nestjs/common';
import { type FastifyReply } from 'fastify';

/** One thing that must hold. What throws or takes longer than a second does not. */
export interface Indicator {
  readonly name: string;
  readonly isUp: () => boolean | Promise<boolean>;
}

export interface HealthOptions {
  /** What only a restart would mend. */
  readonly live: readonly Indicator[];
  /** What must hold before requests are sent here; everything in `live` belongs to it anyway. */
  readonly ready: readonly Indicator[];
}

/** The body of both answers, 200 or 503. It names what is down and never why: that is in the log. */
export interface Health {
  readonly status: 'ok' | 'error';
  readonly details: Readonly<Record<string, { readonly status: 'up' | 'down' }>>;
}

const CHECK_MS = 1_000;
const OPTIONS = Symbol('HealthOptions');

/**
 * `GET /livez` and `GET /readyz`, in an app of any kind over Fastify. Done by hand: @nestjs/terminus adds a sixth of a
 * second to the start, waits for ever for an indicator that hangs, and reports by an exception that an application's own
 * error envelope would then dress up.
 */
@Module({})
export class HealthModule {
  static register(options: HealthOptions): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [{ provide: OPTIONS, useValue: options }],
    };
  }
}

@Controller()
class HealthController {
  readonly #options: HealthOptions;
  readonly #logger = new Logger('Health');
  readonly #down = new Set<string>();

  constructor(@Inject(OPTIONS) options: HealthOptions) {
    this.#options = options;
  }

  @Get('livez')
  @Header('Cache-Control', 'no-store')
  live(@Res({ passthrough: true }) reply: FastifyReply): Promise<Health> {
    return this.#answer(this.#options.live, reply);
  }

  @Get('readyz')
  @Header('Cache-Control', 'no-store')
  ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Health> {
    return this.#answer([...this.#options.live, ...this.#options.ready], reply);
  }

  async #answer(indicators: readonly Indicator[], reply: FastifyReply): Promise<Health> {
    const states = await Promise.all(indicators.map(async (one) => [one.name, await this.#stateOf(one)] as const));
    const isUp = states.every(([, status]) => status === 'up');
    reply.code(isUp ? 200 : 503);
    return {
      status: isUp ? 'ok' : 'error',
      details: Object.fromEntries(states.map(([name, status]) => [name, { status }])),
    };
  }

  /** Logs only changes: probes come every few seconds. */
  async #stateOf({ name, isUp }: Indicator): Promise<'up' | 'down'> {
    let cause: unknown;
    let up = false;
    try {
      up = await withinBound(isUp);
    } catch (error) {
      cause = error;
    }
    if (!up && !this.#down.has(name)) {
      this.#down.add(name);
      this.#logger.warn(`${name} is down`, ...(cause === undefined ? [] : [cause]));
    }
    if (up && this.#down.delete(name)) this.#logger.log(`${name} is up again`);
    return up ? 'up' : 'down';
  }
}

async function withinBound(isUp: Indicator['isUp']): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${CHECK_MS} ms`)), CHECK_MS);
  });
  try {
    return await Promise.race([isUp(), bound]);
  } finally {
    clearTimeout(timer);
  }
}
