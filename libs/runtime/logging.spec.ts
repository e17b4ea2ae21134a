import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { createLogger, NestLogger } from './logging.ts';
import { logRequests } from './request-log.ts';

let text: string;
const to = { write: (line: string) => void (text += line) };
const lines = () =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

beforeEach(() => {
  text = '';
});

describe('the log', () => {
  it('is a JSON object per line, with level and time by name', () => {
    createLogger({ level: 'info', pretty: false, to }).info({ n: 1 }, 'hello');
    expect(lines()).toEqual([{ level: 'info', time: expect.stringMatching(/^\d{4}-.*Z$/), n: 1, msg: 'hello' }]);
  });

  it('keeps to its level', () => {
    const logger = createLogger({ level: 'warn', pretty: false, to });
    logger.info('no');
    logger.warn('yes');
    expect(lines().map(({ msg }) => msg)).toEqual(['yes']);
  });

  it('can be read by people', () => {
    createLogger({ level: 'info', pretty: true, to }).info({ context: 'Here', n: 1 }, 'hello');
    expect(text).toMatch(/^\[\d\d:\d\d:\d\d\.\d+\] INFO: Here: hello\n {4}n: 1\n$/);
  });

  it('cuts out what is called like a secret, at any depth and in any spelling, in errors, too', () => {
    const cycle: Record<string, unknown> = { Authorization: 'S3CRET' };
    cycle['self'] = cycle;
    createLogger({ level: 'info', pretty: false, to }).info({
      value: 'S3CRET',
      request: { headers: { AUTHORIZATION: 'Bearer S3CRET', 'Set-Cookie': ['S3CRET'], accept: 'kept' } },
      list: [{ body: { personal_api_key: 'S3CRET' } }],
      err: Object.assign(new Error('kept'), { config: { token: 'S3CRET' }, cause: { password: 'S3CRET' } }),
      cycle,
      bytes: Buffer.from('S3CRET'),
      big: 12n,
      own: { toJSON: () => 'its own' },
    });
    expect(text).not.toContain('S3CRET');
    expect(text).not.toContain(Buffer.from('S3CRET').toString('base64'));
    expect(lines()[0]).toMatchObject({
      value: '[redacted]',
      request: { headers: { AUTHORIZATION: '[redacted]', accept: 'kept' } },
      err: { type: 'Error', message: 'kept', stack: expect.stringContaining('logging.spec') },
      bytes: '[6 bytes]',
      big: '12',
      own: 'its own',
    });
  });

  it('cuts them out of an error that is logged by itself', () => {
    createLogger({ level: 'info', pretty: false, to }).error(Object.assign(new Error('kept'), { password: 'S3CRET' }));
    expect(text).not.toContain('S3CRET');
    expect(lines()).toEqual([expect.objectContaining({ level: 'error', msg: 'kept' })]);
  });
});

describe('NestLogger', () => {
  it("writes Nest's lines into the same log, with their context", () => {
    Logger.overrideLogger(new NestLogger(createLogger({ level: 'trace', pretty: false, to })));
    const logger = new Logger('Part');
    const fault = new TypeError('broken');
    logger.log('plain');
    logger.warn({ n: 1 });
    logger.error(fault);
    logger.error('while working', fault);
    logger.error('as text', 'Error: x\n    at y');
    logger.fatal('end');
    logger.debug('detail', { n: 2 });
    logger.verbose(['any', 'thing']);
    logger.log('Mapped {/, GET} route');
    new Logger('RouterExplorer').log('Mapped {/, GET} route');
    new Logger('RouterExplorer').error('kept an error');
    Logger.log('from nowhere');
    const err = { type: 'TypeError', message: 'broken', stack: expect.stringContaining('logging.spec') };
    expect(lines().map(({ time: _, ...line }) => line)).toEqual([
      { level: 'info', context: 'Part', msg: 'plain' },
      { level: 'warn', context: 'Part', n: 1 },
      { level: 'error', context: 'Part', err, msg: 'broken' },
      { level: 'error', context: 'Part', err, msg: 'while working' },
      { level: 'error', context: 'Part', stack: 'Error: x\n    at y', msg: 'as text' },
      { level: 'fatal', context: 'Part', msg: 'end' },
      { level: 'debug', context: 'Part', details: [{ n: 2 }], msg: 'detail' },
      { level: 'trace', context: 'Part', '0': 'any', '1': 'thing' },
      { level: 'info', context: 'Part', msg: 'Mapped {/, GET} route' },
      { level: 'debug', context: 'RouterExplorer', msg: 'Mapped {/, GET} route' },
      { level: 'error', context: 'RouterExplorer', msg: 'kept an error' },
      { level: 'info', msg: 'from nowhere' },
    ]);
  });
});

describe('the request log', () => {
  it('tells the route and never what came in the URL, headers or body', async () => {
    const app = fastify();
    logRequests(app, createLogger({ level: 'debug', pretty: false, to }));
    app.post('/items/:id', (_, reply) => reply.code(201).send({ out: 'S3CRET' }));
    const payload = { personal_api_key: 'S3CRET' };
    const headers = { authorization: 'Bearer S3CRET', 'x-other': 'S3CRET' };
    await app.inject({ method: 'POST', url: '/items/S3CRET?key=S3CRET', headers, payload });
    await app.inject({ method: 'GET', url: '/S3CRET' });
    await app.close();
    expect(lines().map(({ method, route, status }) => [method, route, status])).toEqual([
      ['POST', '/items/:id', 201],
      ['GET', 'none', 404],
    ]);
    expect(text).not.toContain('S3CRET');
  });
});
