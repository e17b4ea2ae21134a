import { type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type Logger } from 'pino';
import { AuthModule } from '#auth/auth.module';
import { CommandModule } from '#command/command.module';
import { messageContract } from '#contracts/message-contract';
import { EventStore } from '#event-store/event-store';
import { createGateway } from '#gateway/create-gateway';
import { type GatewaySettings } from '#gateway/settings';
import { ProjectorModule } from '#projector/projector.module';
import { ProjectorService } from '#projector/projector.service';
import { HealthModule, type Indicator } from '#runtime/health';
import { InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';
import { InProcessServer } from '#runtime/in-process-server';
import { NestLogger } from '#runtime/logging';
import { type Shutdown } from '#runtime/shutdown';
import { type LookupSettings, openLookup } from './open-lookup.ts';
import { type StandaloneSettings } from './settings.ts';

export interface StandaloneOptions {
  readonly settings: GatewaySettings & LookupSettings & Pick<StandaloneSettings, 'SCOPES_FILE'>;
  readonly eventStoreUrl: string;
  /** What only a restart would mend. */
  readonly live: readonly Indicator[];
  readonly logger: Logger;
  readonly shutdown: Shutdown;
}

/**
 * Every service of the set, each a Nest application of its own as it would be in a process of its own. They share the
 * process, the connection to the log and the lookup, and speak to each other over the in-process transport only.
 * @returns where the gateway listens; the lookup may still be catching up, which `/readyz` tells
 */
export async function startServices(
  options: StandaloneOptions,
): Promise<{ url: string; followsLog: () => Promise<boolean> }> {
  const { settings, shutdown } = options;
  const logger = new NestLogger(options.logger);
  // A service that can't start is an error for main to tell, not a reason for Nest to end the process.
  const nest = { logger, abortOnError: false };
  const eventStore = EventStore.connect(options.eventStoreUrl);
  shutdown.add('event store client', () => eventStore.close());

  // Before the projector: a shard counts as fresh once a reader has seen its stamp change.
  const { lookup, reader, lastUse } = await openLookup(settings, logger, shutdown);
  const projector = await NestFactory.createApplicationContext(
    ProjectorModule.register({ eventStore, lookup, lastUse, shards: settings.LOOKUP_SHARDS }),
    nest,
  );
  shutdown.add('projector', () => projector.close());

  const bus = new InProcessBus();
  const serve = async (name: string, service: DynamicModule) => {
    const strategy = new InProcessServer(bus, messageContract);
    const app = await NestFactory.createMicroservice(service, { strategy, ...nest });
    shutdown.add(name, () => app.close());
    await app.listen();
  };
  await serve('command', CommandModule.register({ eventStore, scopes: settings.SCOPES_FILE }));
  await serve('auth', AuthModule.register({ lookup: reader, lastUse }));

  const client = new InProcessClient(bus);
  shutdown.add('client', () => client.close());
  const projection = projector.get(ProjectorService);
  const followsLog = async () => {
    const { caughtUp, provedAgoMs = Infinity } = projection.status;
    if (!caughtUp || provedAgoMs > settings.MAX_STALENESS_MS) return false;
    try {
      return (await reader.shards()).every(({ fresh }) => fresh);
    } catch {
      return false;
    }
  };
  const health = HealthModule.register({
    live: options.live,
    ready: [
      { name: 'running', isUp: () => !shutdown.isStopping },
      { name: 'lookup', isUp: followsLog },
    ],
  });
  const gateway = await createGateway({ settings, client, logger, requestLog: options.logger, imports: [health] });
  shutdown.add('gateway', () => gateway.close());
  await gateway.listen(settings.HTTP_PORT, settings.HTTP_HOST);
  const url = await gateway.getUrl();
  logger.log(`The gateway listens on ${url}`, 'Standalone');
  return { url, followsLog };
}
