import { type DynamicModule, type LoggerService, Module, type NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Logger } from 'pino';
import { logRequests } from '#runtime/request-log';
import { GatewayModule, type GatewayOptions } from './gateway.module.ts';
import { createHttpAdapter, type HttpAdapterOptions } from './http-adapter.ts';

export interface CreateGatewayOptions extends GatewayOptions, HttpAdapterOptions {
  /** Modules with routes of their own that are served beside the gateway's: health. */
  readonly imports?: readonly DynamicModule[];
  readonly logger?: LoggerService | false;
  /** Gets a debug line per request: method, route, status, time. */
  readonly requestLog?: Logger;
}

/** The whole HTTP application, initialised and not yet listening: `listen(settings.HTTP_PORT, settings.HTTP_HOST)`. */
export async function createGateway(options: CreateGatewayOptions): Promise<NestFastifyApplication> {
  const { imports = [], logger, requestLog } = options;
  const root: DynamicModule = { module: GatewayRoot, imports: [GatewayModule.register(options), ...imports] };
  const nestOptions: Partial<NestApplicationOptions> = {
    // The adapter's own parsers say what a body may be.
    bodyParser: false,
    abortOnError: false,
    ...(logger === undefined ? {} : { logger }),
  };
  const adapter = createHttpAdapter(options);
  if (requestLog !== undefined) logRequests(adapter.getInstance(), requestLog);
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, nestOptions);
  return app.init();
}

@Module({})
class GatewayRoot {}
