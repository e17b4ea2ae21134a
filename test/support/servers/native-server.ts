import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { paused } from '../paused.ts';
import { type OwnServer } from './own-server.ts';

const NATIVE = join(import.meta.dirname, '../../../deploy/native');

interface Running {
  readonly command: ChildProcess;
  readonly closed: Promise<void>;
  readonly port: number;
  readonly pid: number;
}

/** A server of deploy/native: a command that is its life, and ends when its standard input does. */
export class NativeServer implements OwnServer {
  readonly host = '127.0.0.1';

  private constructor(
    private readonly script: string,
    readonly dataDir: string,
    private running: Running,
    private readonly more: readonly string[],
  ) {}

  /** Rejects, with what the command said, when the server does not come up. */
  static async start(script: string, dataDir: string, port = 0, more: readonly string[] = []): Promise<NativeServer> {
    return new NativeServer(script, dataDir, await launch(script, dataDir, port, more), more);
  }

  get port(): number {
    return this.running.port;
  }

  get pid(): number {
    return this.running.pid;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.running.closed;
  }

  async pause(): Promise<void> {
    this.signal('SIGSTOP');
    await paused(this.pid);
  }

  resume(): Promise<void> {
    this.signal('SIGCONT');
    return Promise.resolve();
  }

  async restart(): Promise<void> {
    await this.stop();
    this.running = await launch(this.script, this.dataDir, this.port, this.more);
  }

  async stop(): Promise<void> {
    this.running.command.stdin?.end();
    await this.running.closed;
  }

  /** Only while its command lives: then the number is still its own. */
  private signal(signal: NodeJS.Signals): void {
    const { command, pid } = this.running;
    if (command.exitCode === null && command.signalCode === null) process.kill(pid, signal);
  }
}

async function launch(script: string, dataDir: string, port: number, more: readonly string[]): Promise<Running> {
  const args = [join(NATIVE, script), '--data', dataDir, '--port', String(port), ...more];
  const command = spawn(process.execPath, args, { stdio: 'pipe' });
  let said = '';
  command.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  // When the server is gone before it is asked to end, there is nobody left to hear it.
  command.stdin.on('error', () => undefined);
  const closed = once(command, 'close').then(() => undefined);
  const line = once(createInterface(command.stdout), 'line') as Promise<[string]>;
  const first = await Promise.race([line, closed]);
  if (first === undefined) throw new Error(`${script} did not start a server:\n${said}`);
  return { command, closed, ...(JSON.parse(first[0]) as { port: number; pid: number }) };
}
