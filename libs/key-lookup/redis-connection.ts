import { Cluster, Command, Redis, type RedisOptions, ReplyError } from 'ioredis';
import { LookupUnavailable } from './lookup-reader.ts';
import { RoleWatch } from './redis-role.ts';
import { parseRedisUrl } from './redis-url.ts';

export interface RedisConnectionOptions {
  /** `redis://[user:password@]host:port[/db]`, `rediss://` for TLS; several with commas between them are a Redis Cluster. */
  readonly url: string;
  /** After it a command is given up; half a second later the connection is made anew if nothing at all came by it. */
  readonly commandTimeoutMs?: number;
  readonly onState?: (state: RedisConnectionState, fault?: Error) => void;
}

/** `lost` is told once, with the first fault; then `ready` once it is back. */
export type RedisConnectionState = 'ready' | 'lost';

export type RedisArgument = string | Buffer | number;

const COMMAND_TIMEOUT_MS = 1000;
const SILENCE_MS = 500;
const KEEP_ALIVE_MS = 1000;
const RETRY_MS = { first: 50, most: 1000 };

/** No answer came: the server hangs, can't be reached, or is no master. */
export class RedisSilent extends LookupUnavailable {}

/**
 * One connection to a Redis, or one to each node of a Redis Cluster. It reconnects by itself; while it is away each command
 * fails at once, and none is sent a second time behind the caller's back but by a Cluster's redirections.
 */
export class RedisConnection {
  readonly #redis: Redis | Cluster;
  #isLost = false;
  /** Undefined where a Cluster's slots say who is a master. */
  readonly #role: RoleWatch | undefined;

  private constructor(redis: Redis | Cluster, onState: RedisConnectionOptions['onState']) {
    this.#redis = redis;
    const lost = (fault?: Error) => {
      if (this.#isLost) return;
      this.#isLost = true;
      onState?.('lost', fault);
    };
    redis.on('error', (error: Error) => lost(error));
    redis.on('close', () => lost());
    const ready = () => {
      this.#isLost = false;
      onState?.('ready');
    };
    if (redis instanceof Redis) this.#role = new RoleWatch(redis, { ready, lost });
    else redis.on('ready', ready);
  }

  /**
   * Resolves once it is there, or could not be made at the first try: it then goes on trying.
   * @throws RangeError when the address can't be understood
   */
  static async open({ url, commandTimeoutMs = COMMAND_TIMEOUT_MS, onState }: RedisConnectionOptions) {
    const connection = new RedisConnection(clientOf(parseRedisUrl(url), commandTimeoutMs), onState);
    await connection.#firstTry();
    return connection;
  }

  /** Bulk strings come as Buffers. @throws LookupUnavailable, without the command's arguments in it */
  async ask<T>(name: string, ...args: RedisArgument[]): Promise<T> {
    return this.send<T>(new Command(name, args, { replyEncoding: null }));
  }

  /** @throws LookupUnavailable; RedisSilent where there was no answer, not even an error */
  async send<T>(command: Command): Promise<T> {
    try {
      const answer = (await this.#redis.sendCommand(command)) as T;
      this.#role?.requireMaster();
      return answer;
    } catch (error) {
      throw error instanceof ReplyError ? new LookupUnavailable(textOf(error)) : new RedisSilent(textOf(error));
    }
  }

  /** Sends the script's digest, and its text where the server doesn't know it yet. @throws LookupUnavailable */
  async run<T>(script: { readonly lua: string; readonly sha1: string }, keys: string[], args: RedisArgument[]) {
    const rest = [keys.length, ...keys, ...args];
    try {
      return await this.ask<T>('evalsha', script.sha1, ...rest);
    } catch (error) {
      if (!(error instanceof LookupUnavailable && error.message.includes('NOSCRIPT'))) throw error;
      return this.ask<T>('eval', script.lua, ...rest);
    }
  }

  close(): void {
    // Nobody is told of an end that was asked for.
    this.#isLost = true;
    this.#role?.close();
    this.#redis.disconnect();
  }

  #firstTry(): Promise<void> {
    return new Promise((resolve) => {
      for (const event of ['ready', 'error', 'close', 'end']) this.#redis.once(event, () => resolve());
      // What it fails with is told by the events.
      this.#redis.connect().catch(() => resolve());
    });
  }
}

function clientOf(nodes: readonly RedisOptions[], commandTimeoutMs: number): Redis | Cluster {
  const [first] = nodes;
  if (first === undefined) throw new RangeError('no address of a Redis');
  const common: RedisOptions = {
    connectTimeout: commandTimeoutMs,
    commandTimeout: commandTimeoutMs,
    socketTimeout: commandTimeoutMs + SILENCE_MS,
    keepAlive: KEEP_ALIVE_MS,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
  };
  if (nodes.length === 1) {
    // A master that became a replica: its address may by now be another's.
    const reconnectOnError = (error: Error) => error.message.startsWith('READONLY');
    return new Redis({
      ...common,
      ...first,
      reconnectOnError,
      retryStrategy,
      enableOfflineQueue: false,
      lazyConnect: true,
    });
  }
  const { username, password, tls } = first;
  return new Cluster(
    nodes.map(({ host, port }) => ({ host: host ?? '', port: port ?? 0 })),
    {
      redisOptions: { ...common, ...(username && { username }), ...(password && { password }), ...(tls && { tls }) },
      scaleReads: 'master',
      enableOfflineQueue: false,
      lazyConnect: true,
      clusterRetryStrategy: retryStrategy,
      slotsRefreshTimeout: commandTimeoutMs,
      maxRedirections: 4,
    },
  );
}

function retryStrategy(times: number): number {
  return Math.min(RETRY_MS.first * times, RETRY_MS.most) * (0.5 + Math.random() / 2);
}

/** ioredis keeps a failed command's arguments with the error; they are nobody's business who reads a log. */
function textOf(error: unknown): string {
  return `Redis: ${error instanceof Error ? error.message : String(error)}`;
}
