import { type LoggerService, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { HealthModule, type HealthOptions } from './health.ts';

export interface HealthServerOptions extends HealthOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly logger: LoggerService;
}

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * `GET /livez` and `GET /readyz` for a process that serves no HTTP otherwise. To be started first: a process that still
 * waits for its servers is alive and not ready.
 */
export async function serveHealth({ host, port, logger, live, ready }: HealthServerOptions): Promise<HealthServer> {
  const root = { module: HealthRoot, imports: [HealthModule.register({ live, ready })] };
  const adapter = new FastifyAdapter({ forceCloseConnections: true });
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, { logger, abortOnError: false });
  await app.listen(port, host);
  const url = await app.getUrl();
  logger.log(`Health is served on ${url}`, 'Health');
  return { url, close: () => app.close() };
}

@Module({})
class HealthRoot {}
