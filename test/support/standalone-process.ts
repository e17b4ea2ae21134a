import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { built } from './built.ts';

/** The real thing: `apps/standalone` as a process of its own, on free ports, over a data folder of the test's. */
export class StandaloneProcess {
  /** Everything that it has printed so far. */
  output = '';

  private readonly news = new EventEmitter();

  private constructor(
    private readonly child: ChildProcess,
    readonly dataDir: string,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString('utf8');
        this.news.emit('news');
      });
    }
    child.on('close', () => this.news.emit('news'));
  }

  /** Resolves once it is ready to answer. Rejects, with what it printed, when it ends before. */
  static async start(dataDir: string, settings: Record<string, string> = {}): Promise<StandaloneProcess> {
    const process = StandaloneProcess.launch(dataDir, settings);
    await process.ready();
    return process;
  }

  /** Without waiting: for starts that must fail. */
  static launch(dataDir: string, settings: Record<string, string> = {}): StandaloneProcess {
    const env = { PATH: process.env['PATH'], HTTP_PORT: '0', EVENTSTORE_PORT: '0', DATA_DIR: dataDir, ...settings };
    const main = join(built(), 'bin/standalone.js');
    return new StandaloneProcess(spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] }), dataDir);
  }

  get url(): string {
    const url = /Latchkey listens on (http:\/\/\S+)/.exec(this.output)?.[1];
    if (url === undefined) throw new Error(`Not listening:\n${this.output}`);
    return url;
  }

  /** Where the gateway listens, also while the lookup has not caught up and nothing was told to people. */
  async gatewayUrl(): Promise<string> {
    const listening = () => /The gateway listens on (http:\/\/[^"]+)"/.exec(this.output)?.[1];
    while (listening() === undefined) await this.next();
    return listening()!;
  }

  get token(): string {
    return readFileSync(join(this.dataDir, 'sign-in-token'), 'utf8').trim();
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The exit code, or the signal that ended it. */
  async ended(): Promise<number | string> {
    // 'close' comes once all that it printed has been read.
    if (this.isRunning) await once(this.child, 'close');
    return this.child.exitCode ?? this.child.signalCode ?? 'unknown';
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | string> {
    if (this.isRunning) this.child.kill(signal);
    return this.ended();
  }

  private async ready(): Promise<void> {
    while (!/Latchkey listens on http:\/\/\S+\n/.test(this.output)) await this.next();
  }

  /** Resolves when it has printed more; rejects, with what it printed, when it has ended. */
  private async next(): Promise<void> {
    if (!this.isRunning) throw new Error(`Ended too early:\n${this.output}`);
    await once(this.news, 'news');
  }
}
