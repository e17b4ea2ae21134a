import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { built } from './built.ts';

/** One service of the set as a process of its own: `dist/bin/<name>.js`. */
export class ServiceProcess {
  /** Everything that it has printed so far. */
  output = '';
  #child!: ChildProcess;
  readonly #news = new EventEmitter();

  private constructor(
    readonly name: string,
    private readonly settings: Record<string, string>,
  ) {}

  /** Without waiting until it is ready. Ports: any free ones, unless they are named. */
  static launch(name: string, settings: Record<string, string>): ServiceProcess {
    const service = new ServiceProcess(name, settings);
    service.#launch();
    return service;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Where it tells its health, and the gateway all else. */
  async url(): Promise<string> {
    const told = () => /(?:Health is served on|The gateway listens on) (http:\/\/[^"\s]+)/.exec(this.output)?.[1];
    while (told() === undefined) await this.#next();
    return told()!.replace(/\/$/, '');
  }

  /** Resolves once `/readyz` says so. Rejects, with what it printed, when it ends before. */
  async ready(): Promise<this> {
    const url = await this.url();
    for (;;) {
      const status = await fetch(`${url}/readyz`).then(
        (response) => response.status,
        () => undefined,
      );
      if (status === 200) return this;
      if (!this.isRunning) throw new Error(`${this.name} ended too early:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async probe(path: '/livez' | '/readyz'): Promise<number> {
    return (await fetch((await this.url()) + path)).status;
  }

  /** Resolves once it has printed this after `from` characters of its output. */
  async says(text: RegExp, from = 0): Promise<void> {
    while (!text.test(this.output.slice(from))) await this.#next();
  }

  /** Resolves once it has ended by itself, with its exit code or the signal that ended it. */
  async ended(): Promise<number | string> {
    while (this.isRunning) await once(this.#news, 'news');
    return this.#child.exitCode ?? this.#child.signalCode ?? 'unknown';
  }

  /** @returns the exit code, or the signal that ended it */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | string> {
    if (this.isRunning) {
      const closed = once(this.#child, 'close');
      this.#child.kill(signal);
      await closed;
    }
    return this.#child.exitCode ?? this.#child.signalCode ?? 'unknown';
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Launches it anew with the settings that it had; the gateway listens where it did. */
  async again(): Promise<this> {
    const url = this.isRunning ? undefined : /listens on http:\/\/[^"\s]+:(\d+)/.exec(this.output)?.[1];
    if (url !== undefined) this.settings['HTTP_PORT'] = url;
    this.output = '';
    this.#launch();
    return this.ready();
  }

  #launch(): void {
    const env = { PATH: process.env['PATH'], HEALTH_PORT: '0', HTTP_PORT: '0', LOG_LEVEL: 'info', ...this.settings };
    const main = join(built(), `bin/${this.name}.js`);
    this.#child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString('utf8');
        this.#news.emit('news');
      });
    }
    this.#child.on('close', () => this.#news.emit('news'));
  }

  async #next(): Promise<void> {
    if (!this.isRunning) throw new Error(`${this.name} ended too early:\n${this.output}`);
    await once(this.#news, 'news');
  }
}
