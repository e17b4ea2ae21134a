import { Catch, type ExceptionFilter, Logger, type NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Health, HealthModule } from './health.ts';
import { createLogger, NestLogger } from './logging.ts';

/** As an application with an error envelope of its own has one. */
@Catch()
class Envelope implements ExceptionFilter {
  catch(): never {
    throw new Error('Health does not travel by exceptions');
  }
}

let app: NestFastifyApplication;
let live: () => boolean | Promise<boolean>;
let ready: () => boolean | Promise<boolean>;
let logged: string[];

beforeEach(async () => {
  live = () => true;
  ready = () => true;
  logged = [];
  const module = HealthModule.register({
    live: [{ name: 'process', isUp: () => live() }],
    ready: [{ name: 'lookup', isUp: () => ready() }],
  });
  const options: Partial<NestApplicationOptions> = { logger: false };
  app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), options);
  app.useGlobalFilters(new Envelope());
  await app.init();
  const to = { write: (line: string) => void logged.push((JSON.parse(line) as { msg: string }).msg) };
  Logger.overrideLogger(new NestLogger(createLogger({ level: 'info', pretty: false, to })));
});

afterEach(async () => {
  await app.close();
});

async function probe(url: string): Promise<[number, Health]> {
  const { statusCode, headers, body } = await app.inject({ method: 'GET', url });
  expect(headers['cache-control']).toBe('no-store');
  return [statusCode, JSON.parse(body) as Health];
}
const up = { status: 'up' } as const;
const down = { status: 'down' } as const;

describe('health', () => {
  it('answers 200 while all is well', async () => {
    expect(await probe('/livez')).toEqual([200, { status: 'ok', details: { process: up } }]);
    expect(await probe('/readyz')).toEqual([200, { status: 'ok', details: { process: up, lookup: up } }]);
  });

  it('is alive and not ready while an indicator of readiness is down, and ready afterwards', async () => {
    ready = () => Promise.resolve(false);
    expect(await probe('/livez')).toEqual([200, { status: 'ok', details: { process: up } }]);
    expect(await probe('/readyz')).toEqual([503, { status: 'error', details: { process: up, lookup: down } }]);
    ready = () => true;
    expect(await probe('/readyz')).toEqual([200, { status: 'ok', details: { process: up, lookup: up } }]);
  });

  it('is not ready when it is not alive', async () => {
    live = () => false;
    expect(await probe('/livez')).toEqual([503, { status: 'error', details: { process: down } }]);
    expect(await probe('/readyz')).toEqual([503, { status: 'error', details: { process: down, lookup: up } }]);
  });

  it('tells its reader nothing of why, and the log once', async () => {
    ready = () => Promise.reject(new Error('password S3CRET refused by 10.0.0.1'));
    const answers = [await probe('/readyz'), await probe('/readyz')];
    expect(JSON.stringify(answers)).not.toMatch(/S3CRET|10\.0/);
    expect(answers.map(([status]) => status)).toEqual([503, 503]);
    ready = () => true;
    await probe('/readyz');
    await probe('/readyz');
    expect(logged).toEqual(['lookup is down', 'lookup is up again']);
  });

  it.each([
    ['throws', () => JSON.parse('{') as boolean],
    ['never answers', () => new Promise<boolean>(() => undefined)],
  ])('takes an indicator that %s for down', async (_, isUp) => {
    ready = isUp;
    expect(await probe('/readyz')).toEqual([503, { status: 'error', details: { process: up, lookup: down } }]);
  });
});
