/** A server that outlives the command that started it, and is known again by its pid file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { startOf } from './process-identity.mjs';

/**
 * @typedef {{ pid: number, start: string }} Identity
 * @typedef {{ command: Identity, server: Identity, facts: Record<string, unknown> }} Record the pid file
 */

export class DetachedServer {
  /** @param {{ script: string, folder: string, args?: readonly string[] }} of a command of deploy/native, and its data */
  constructor({ script, folder, args = [] }) {
    this.script = join(import.meta.dirname, script);
    this.folder = folder;
    this.args = args;
    this.pidFile = join(folder, 'pid.json');
  }

  /** What it said when it came up; undefined when it isn't up. */
  facts() {
    const record = this.#record();
    return record !== undefined && isAlive(record.command) && isAlive(record.server) ? record.facts : undefined;
  }

  /** Starts it where it isn't up. Its own words go to files in its folder. */
  async up() {
    const known = this.facts();
    if (known !== undefined) return known;
    // One half of it may have been left behind.
    await this.down();
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const errors = join(this.folder, 'command.log');
    const stderr = openSync(errors, 'w', 0o600);
    const command = spawn(process.execPath, [this.script, '--data', this.folder, ...this.args], {
      detached: true,
      stdio: ['ignore', 'pipe', stderr],
    });
    closeSync(stderr);
    const ended = once(command, 'exit').then(() => undefined);
    const line = await Promise.race([once(createInterface(command.stdout), 'line'), ended]);
    if (line === undefined) throw new Error(readFileSync(errors, 'utf8').trim());
    const facts = JSON.parse(line[0]);
    this.#write({ command: identityOf(command.pid), server: identityOf(facts.pid), facts });
    command.stdout.destroy();
    command.unref();
    return facts;
  }

  /** Ends it, and nothing that merely has its number. Answers whether there was anything to end. */
  async down() {
    const record = this.#record();
    if (record === undefined) return false;
    const ended = await end(record.command);
    // Without its command, which would have ended it.
    const endedServer = await end(record.server);
    rmSync(this.pidFile, { force: true });
    return ended || endedServer;
  }

  /** @returns {Record | undefined} */
  #record() {
    try {
      return JSON.parse(readFileSync(this.pidFile, 'utf8'));
    } catch (error) {
      if (error.code === 'ENOENT') return undefined;
      throw new Error(`${this.pidFile} can’t be read; delete it once nothing of ${this.folder} runs any more`, {
        cause: error,
      });
    }
  }

  #write(record) {
    writeFileSync(`${this.pidFile}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${this.pidFile}.new`, this.pidFile);
  }
}

function identityOf(pid) {
  return { pid, start: startOf(pid) };
}

function isAlive({ pid, start }) {
  return start !== undefined && startOf(pid) === start;
}

async function end(identity) {
  if (!isAlive(identity)) return false;
  process.kill(identity.pid, 'SIGTERM');
  while (isAlive(identity)) await delay(50);
  return true;
}
