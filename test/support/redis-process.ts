import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { rmSync } from 'node:fs';
import { aFolder } from './folders.ts';
import { type Requirement } from './requires.ts';
import { REDIS, ServerContainer } from './servers/container.mjs';
import { howToStart, missing } from './servers/how-to-start.ts';
import { NativeServer } from './servers/native-server.ts';
import { type OwnServer } from './servers/own-server.ts';

/** A redis-server on this machine: Debian's package `redis-server`. */
export const redisServer: Requirement = {
  name: 'a Redis server',
  missing: () =>
    spawnSync('redis-server', ['--version']).status === 0
      ? undefined
      : 'redis-server can’t be run (apt-get install redis-server)',
};

/** A Redis natively or in a container: `startOwnRedis()`. */
export const ownRedis: Requirement = { name: 'Redis to start', missing: () => missing('REDIS') };

/** Any Redis: `someRedis()`. */
export const anyRedis: Requirement = {
  name: 'Redis',
  missing: () => (givenRedis() === undefined ? redisServer.missing() : undefined),
};

export interface RedisOptions {
  /** Further arguments of the command, such as `--cluster-enabled yes`. */
  readonly args?: readonly string[];
  /** 0, the default: any free one. */
  readonly port?: number;
  /** One that holds data already; a new one by default, which goes when the server is stopped. */
  readonly dataDir?: string;
}

/** A real redis-server over a folder of the test's, with an append-only file. */
export async function startRedis({ args = [], port = 0, dataDir }: RedisOptions = {}): Promise<RedisProcess> {
  for (;;) {
    const redis = new RedisProcess(dataDir ?? aFolder('redis'), port === 0 ? await freePort() : port, args);
    if (await redis.launch()) return redis;
    // Somebody may have been faster to take the port.
    const isTaken = redis.output.includes('Address already in use');
    if (port !== 0 || !isTaken) throw new Error(`redis-server did not start:\n${redis.output}`);
  }
}

/** With an append-only file, as `npm run infra` has it. */
export async function startOwnRedis(): Promise<OwnServer & { readonly url: string }> {
  const server =
    howToStart('REDIS') === 'native'
      ? await NativeServer.start('redis.mjs', aFolder('redis'))
      : await ServerContainer.start(REDIS);
  return Object.assign(server, { url: `redis://${server.host}:${server.port}` });
}

/**
 * For specs that neither kill nor configure it: a database of the one that LATCHKEY_TEST_REDIS names, which they empty,
 * or a redis-server of the test's own.
 */
export async function someRedis(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const given = givenRedis();
  if (given === undefined) return startRedis();
  // Jest numbers its workers from 1, and each runs one spec at a time.
  return { url: `${given}/${process.env['JEST_WORKER_ID'] ?? '1'}`, stop: () => Promise.resolve() };
}

function givenRedis(): string | undefined {
  const given = process.env['LATCHKEY_TEST_REDIS'];
  return given === undefined || given === '' ? undefined : given.replace(/\/\d*$/, '');
}

export class RedisProcess {
  output = '';
  #child: ChildProcess | undefined;

  constructor(
    readonly dataDir: string,
    readonly port: number,
    private readonly args: readonly string[],
  ) {}

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Resolves once it takes connections and its data are loaded; false: it ended before. */
  async launch(): Promise<boolean> {
    this.output = '';
    const child = spawn(
      'redis-server',
      [
        '--port',
        String(this.port),
        '--bind',
        '127.0.0.1',
        '--dir',
        this.dataDir,
        '--appendonly',
        'yes',
        '--save',
        '',
        ...this.args,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    const ended = once(child, 'close').then(() => false);
    return Promise.race([
      ended,
      new Promise<boolean>((resolve) => {
        for (const stream of [child.stdout, child.stderr]) {
          stream.on('data', (chunk: Buffer) => {
            this.output += chunk.toString();
            if (this.output.includes('Ready to accept connections')) resolve(true);
          });
        }
      }),
    ]);
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** It goes on holding its connections, and answers nothing. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** On the data that are there, on the same port. */
  async restart(): Promise<void> {
    await this.kill();
    if (!(await this.launch())) throw new Error(`redis-server did not start again:\n${this.output}`);
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.#end('SIGKILL');
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
