import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const NATIVE = join(import.meta.dirname, '../../deploy/native');

/**
 * A server of deploy/native: a command that starts it, prints a line of JSON once it answers, and ends it when this
 * process ends, however that comes about.
 */
export class ServerProcess<Facts extends { readonly pid: number }> {
  private constructor(
    private readonly command: ChildProcess,
    /** What it printed; `pid` is the server's own. */
    readonly facts: Facts,
    private readonly closed: Promise<void>,
  ) {}

  /** Rejects, with what the command said, when the server does not come up. */
  static async start<Facts extends { readonly pid: number }>(
    script: string,
    args: readonly string[],
  ): Promise<ServerProcess<Facts>> {
    const command = spawn(process.execPath, [join(NATIVE, script), ...args], { stdio: 'pipe' });
    let said = '';
    command.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    const closed = once(command, 'close').then(() => undefined);
    const line = once(createInterface(command.stdout), 'line') as Promise<[string]>;
    const first = await Promise.race([line, closed]);
    if (first === undefined) throw new Error(`${script} did not start a server:\n${said}`);
    return new ServerProcess(command, JSON.parse(first[0]) as Facts, closed);
  }

  get isRunning(): boolean {
    return this.command.exitCode === null && this.command.signalCode === null;
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    if (this.isRunning) process.kill(this.facts.pid, 'SIGKILL');
    await this.closed;
  }

  /** It keeps its connections and answers nothing until it is resumed. */
  pause(): void {
    process.kill(this.facts.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.facts.pid, 'SIGCONT');
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.command.stdin?.end();
    await this.closed;
  }
}
