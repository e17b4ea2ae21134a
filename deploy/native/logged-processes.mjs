import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild, stopChild } from './child.mjs';

/** Processes whose output becomes one log, a line at a time, with the name of each before its lines. */
export class LoggedProcesses {
  #children = [];
  #stopping;
  #fail;

  /** @param {import('node:stream').Writable} output */
  constructor(output) {
    this.output = output;
    /** Never resolves; rejects when a process that should run has ended by itself. */
    this.failure = new Promise((_, reject) => (this.#fail = reject));
    this.failure.catch(() => undefined);
  }

  log(name, line) {
    this.output.write(`${name.padEnd(12)} | ${line}\n`);
  }

  start({ name, command: [program, ...args], env, mayEnd = false }) {
    const { PATH, HOME } = process.env;
    const child = startChild(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH, HOME, ...env } });
    child.stdin.on('error', () => undefined);
    const lines = createInterface(child.stdout).on('line', (line) => this.log(name, line));
    createInterface(child.stderr).on('line', (line) => this.log(name, line));
    const ended = once(child, 'close').then(
      () => child.signalCode ?? `exit code ${child.exitCode}`,
      (error) => error.message,
    );
    this.#children.push(child);
    void ended.then((how) => {
      if (this.#stopping === undefined && !(mayEnd && child.exitCode === 0))
        this.#fail(new Error(`${name} ended: ${how}`));
    });
    return {
      /** What a server command prints once it answers. */
      firstLine: async () => JSON.parse((await once(lines, 'line'))[0]),
      /** Waits for ever when it fails: `failure` tells. */
      succeeded: async () => {
        await ended;
        if (child.exitCode !== 0) await this.failure;
      },
      answers: async (url) => {
        while (child.exitCode === null && child.signalCode === null && !(await answers(url))) await delay(100);
      },
    };
  }

  /** In the reverse order of their starts, each once the one before has ended. */
  stopAll() {
    return (this.#stopping ??= (async () => {
      for (const child of this.#children.toReversed()) await stopChild(child);
    })());
  }
}

async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
