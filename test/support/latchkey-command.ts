import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { built } from './built.ts';

/** The operator's command line as a process of its own. */
export class LatchkeyCommand {
  stdout = '';
  stderr = '';
  /** The exit code, or the signal that ended it; all of its output is there by then. */
  readonly ended: Promise<number | string>;

  private constructor(readonly child: ChildProcess) {
    child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString('utf8')));
    child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString('utf8')));
    this.ended = once(child, 'close').then(() => child.exitCode ?? child.signalCode ?? 'unknown');
  }

  /** Its standard input stays open until the test ends it. */
  static start(args: readonly string[], env: Record<string, string> = {}): LatchkeyCommand {
    const main = join(built(), 'bin/latchkey.js');
    return new LatchkeyCommand(
      spawn(process.execPath, [main, ...args], { env: { PATH: process.env['PATH'], ...env }, stdio: 'pipe' }),
    );
  }

  /** The whole run, with all of its standard input. */
  static async run(args: readonly string[], env: Record<string, string> = {}, stdin = '') {
    const command = LatchkeyCommand.start(args, env);
    command.child.stdin?.end(stdin);
    const code = await command.ended;
    return { code, stdout: command.stdout, stderr: command.stderr };
  }

  /** Resolves once it has printed this on one of its outputs; rejects when it ends before. */
  async printed(pattern: RegExp): Promise<void> {
    const ended = this.ended.then(() => true);
    while (!pattern.test(`${this.stdout}${this.stderr}`)) {
      const more = Promise.race([once(this.child.stdout!, 'data'), once(this.child.stderr!, 'data')]).then(() => false);
      if (await Promise.race([more, ended])) throw new Error(`Ended too early:\n${this.stdout}${this.stderr}`);
    }
  }
}
