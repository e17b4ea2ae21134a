import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { built } from '#testing/built';

/** A process whose parts are given as source; it says `up` once they are all added. */
class Process {
  readonly #child: ChildProcess;
  output = '';

  constructor(parts: string, { withinMs = 10_000, pretty = false } = {}) {
    const runtime = JSON.stringify(join(built(), 'libs/runtime'));
    const source = `
      const { createLogger } = await import(${runtime} + '/logging.js');
      const { Shutdown } = await import(${runtime} + '/shutdown.js');
      const logger = createLogger({ level: 'info', pretty: ${pretty} });
      const shutdown = new Shutdown(logger, { withinMs: ${withinMs} });
      setInterval(() => {}, 1_000_000);
      ${parts}
      logger.info('up');`;
    this.#child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  async said(text: string): Promise<this> {
    while (!this.output.includes(text)) await once(this.#child.stdout!, 'data');
    return this;
  }

  kill(signal: NodeJS.Signals): this {
    this.#child.kill(signal);
    return this;
  }

  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, 'close');
    return this.#child.exitCode;
  }

  get lines(): Record<string, unknown>[] {
    return this.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  get messages(): unknown[] {
    return this.lines.map(({ msg }) => msg);
  }
}

const parts = (...names: string[]) =>
  names.map((name) => `shutdown.add('${name}', async () => logger.info('${name} stops'));`).join('\n');
const stuck = "shutdown.add('stuck', () => new Promise(() => logger.info('stuck stops')));";

let child: Process;
beforeAll(() => {
  built();
});
afterEach(() => {
  child.kill('SIGKILL');
});

describe('a process that is told to stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'stops its parts one by one on %s, the last started first',
    async (signal) => {
      child = await new Process(parts('store', 'service', 'http')).said('up');
      expect(await child.kill(signal).ended()).toBe(0);
      expect(child.messages).toEqual(['up', 'Stopping', 'http stops', 'service stops', 'store stops', 'Stopped']);
    },
  );

  it('stops the others when one fails to, says so and ends with 1', async () => {
    const failing = "shutdown.add('failing', async () => { throw new Error('jammed'); });";
    child = await new Process(`${parts('store')} ${failing} ${parts('http')}`).said('up');
    expect(await child.kill('SIGTERM').ended()).toBe(1);
    expect(child.messages).toEqual(['up', 'Stopping', 'http stops', 'Did not stop', 'store stops', 'Stopped']);
    expect(child.lines[3]).toMatchObject({ level: 'error', part: 'failing', err: { message: 'jammed' } });
  });

  it('stops the others when one hangs, names it and ends with 1 within its bound', async () => {
    const forOne = "shutdown.add('jammed', () => new Promise(() => {}));";
    child = await new Process(`${parts('store')} ${stuck} ${forOne} ${parts('http')}`, { withinMs: 200 }).said('up');
    expect(await child.kill('SIGTERM').ended()).toBe(1);
    expect(child.messages).toContain('store stops');
    expect(child.lines.at(-1)).toMatchObject({ level: 'error', notStopped: ['jammed', 'stuck'] });
  });

  it('ends with 1 within its bound when the last part hangs', async () => {
    child = await new Process(`${stuck} ${parts('http')}`, { withinMs: 50 }).said('up');
    expect(await child.kill('SIGTERM').ended()).toBe(1);
    expect(child.lines.at(-1)).toMatchObject({ level: 'error', notStopped: ['stuck'] });
  });

  it('ends with 0 when a part is late but stops before the end', async () => {
    const late = `let stopLate;
      shutdown.add('last', () => setTimeout(() => stopLate(), 20));
      shutdown.add('late', () => new Promise((resolve) => { stopLate = resolve; }));`;
    child = await new Process(late, { withinMs: 200 }).said('up');
    expect(await child.kill('SIGTERM').ended()).toBe(0);
    expect(child.lines.find(({ part }) => part === 'late')).toMatchObject({ level: 'warn' });
    expect(child.messages.at(-1)).toBe('Stopped');
  });

  it('ends with 1 at once on a second signal', async () => {
    child = await new Process(`${parts('store')} ${stuck}`).said('up');
    await child.kill('SIGTERM').said('stuck stops');
    expect(await child.kill('SIGINT').ended()).toBe(1);
    expect(child.lines.at(-1)).toMatchObject({ level: 'warn', signal: 'SIGINT', notStopped: ['stuck', 'store'] });
  });

  it('stops what has started when it is told so while starting', async () => {
    child = await new Process(`${parts('store')} logger.info('half'); await new Promise(() => {});`).said('half');
    expect(await child.kill('SIGTERM').ended()).toBe(0);
    expect(child.messages).toEqual(['half', 'Stopping', 'store stops', 'Stopped']);
  });
});

describe('a process in which an error is caught by nobody', () => {
  it.each([
    ['thrown', "setImmediate(() => { throw new Error('the cause'); });", 'Nobody caught an error'],
    ['rejected', "void Promise.reject(new Error('the cause'));", 'Nobody handled a rejection'],
    ['rejected with nothing', 'void Promise.reject();', 'Nobody handled a rejection'],
  ])('ends with 1 and its last line is the error: %s', async (_, fault, message) => {
    child = new Process(`${parts('store')} ${fault}`);
    expect(await child.ended()).toBe(1);
    expect(child.lines.at(-1)).toMatchObject({ level: 'fatal', msg: message });
    expect(child.messages).not.toContain('store stops');
    if (fault.includes('the cause')) expect(child.lines.at(-1)).toMatchObject({ err: { message: 'the cause' } });
  });

  it.each([false, true])('loses no line that it wrote before (for people: %s)', async (pretty) => {
    const many = "for (let n = 0; n < 2_000; n += 1) logger.info('line ' + n); throw new Error('the end');";
    child = new Process(many, { pretty });
    expect(await child.ended()).toBe(1);
    expect(child.output.match(/line \d+/g)).toEqual(Array.from({ length: 2_000 }, (_, n) => `line ${n}`));
    expect(child.output).toContain('the end');
  });
});
