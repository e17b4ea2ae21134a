import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { built } from './built.ts';

const LISTENING = /(esdb:\/\/\S+:(\d+)\S*)/;

interface Options {
  /** 0, the default: any free one. */
  readonly port?: number;
  /** Further arguments of the command. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The embedded event store alone, as `npm run event-store` runs it: a process over a data folder of the test's. */
export class EventStoreProcess {
  /** Everything that it has printed so far. */
  output = '';
  /** The exit code, or the signal that ended it; all of its output is there by then. */
  readonly ended: Promise<number | string>;

  private constructor(
    private readonly child: ChildProcess,
    readonly dataDir: string,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString('utf8')));
    }
    this.ended = once(child, 'close').then(() => child.exitCode ?? child.signalCode ?? 'unknown');
  }

  /** Without waiting: for starts that must fail. */
  static launch(dataDir: string, { port = 0, args = [], env = {} }: Options = {}): EventStoreProcess {
    const main = join(built(), 'bin/event-store.js');
    const child = spawn(process.execPath, [main, '--data', dataDir, '--port', String(port), ...args], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new EventStoreProcess(child, dataDir);
  }

  /** Resolves once it listens; rejects, with what it printed, when it ends before. */
  static async start(dataDir: string, options: Options = {}): Promise<EventStoreProcess> {
    const store = EventStoreProcess.launch(dataDir, options);
    await store.listens();
    return store;
  }

  async listens(): Promise<void> {
    const ended = this.ended.then(() => true);
    while (!LISTENING.test(this.output)) {
      const printed = once(this.child.stdout!, 'data').then(() => false);
      if (await Promise.race([printed, ended])) throw new Error(`Ended before it listened:\n${this.output}`);
    }
  }

  get url(): string {
    return this.listening[1]!;
  }

  get port(): number {
    return Number(this.listening[2]);
  }

  get pid(): number {
    return this.child.pid!;
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<number | string> {
    this.child.kill(signal);
    return this.ended;
  }

  /** It keeps its connections and answers nothing until it is resumed. */
  pause(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  private get listening(): RegExpExecArray {
    const listening = LISTENING.exec(this.output);
    if (listening === null) throw new Error(`Not listening:\n${this.output}`);
    return listening;
  }
}
