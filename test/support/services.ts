import { type DynamicModule, type NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy } from '@nestjs/microservices';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { rm } from 'node:fs/promises';
import { AuthModule } from '#auth/auth.module';
import { CommandModule } from '#command/command.module';
import { messageContract } from '#contracts/message-contract';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { EventStore } from '#event-store/event-store';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { ProjectorModule } from '#projector/projector.module';
import { ProjectorService } from '#projector/projector.service';
import { InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';
import { InProcessServer } from '#runtime/in-process-server';
import { aFolder } from './folders.ts';
import { SIGN_IN_TOKEN, startGateway, testSettings } from './gateway.ts';
import { KeysApi } from './keys-api.ts';

const quiet: Partial<NestApplicationOptions> = { logger: false };

/** Every real service in this process, over an embedded event store of its own, with the bus in the test's hands. */
export class Services {
  readonly #stops: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly bus: InProcessBus,
    readonly store: EventStore,
  ) {}

  static async start(): Promise<Services> {
    const dataDir = aFolder('services');
    const node = await EmbeddedEventStore.open({ dataDir, port: 0 });
    const store = EventStore.connect(node.url);
    const services = new Services(new InProcessBus(), store);
    services.#stops.push(
      () => rm(dataDir, { recursive: true, force: true }),
      () => node.close(),
      () => store.close(),
    );
    await services.#startAll();
    return services;
  }

  gateway!: NestFastifyApplication;
  client!: InProcessClient;

  get url(): string {
    const address = this.gateway.getHttpServer().address();
    if (address === null || typeof address === 'string') throw new Error('The gateway is not listening');
    return `http://127.0.0.1:${address.port}`;
  }

  as(userId: string): KeysApi {
    return new KeysApi(this.url, userId, SIGN_IN_TOKEN);
  }

  /** The newest position of the log. */
  async head(): Promise<bigint | undefined> {
    return (await this.store.readHead())?.commit;
  }

  async close(): Promise<void> {
    for (let stop = this.#stops.pop(); stop !== undefined; stop = this.#stops.pop()) await stop();
  }

  async #startAll(): Promise<void> {
    const lookup = new MemoryKeyLookup();
    const reader = lookup.reader({ maxStalenessMs: 30_000, monotonicMs: () => performance.now() });
    const projector = await NestFactory.createApplicationContext(
      ProjectorModule.register({ eventStore: this.store, lookup, shards: 2, proofIntervalMs: 50 }),
      quiet,
    );
    this.#stops.push(() => projector.close());
    await this.#serve(CommandModule.register({ eventStore: this.store }));
    await this.#serve(AuthModule.register({ lookup: reader }));
    this.client = new InProcessClient(this.bus);
    this.#stops.push(() => this.client.close());
    this.gateway = await startGateway(this.bus, testSettings({ LEGACY_TEST_ITERATIONS: '1' }));
    this.#stops.push(() => this.gateway.close());
    while (!projector.get(ProjectorService).status.caughtUp) await new Promise((resolve) => setImmediate(resolve));
  }

  async #serve(service: DynamicModule): Promise<void> {
    const options: Partial<CustomStrategy> = { ...quiet, strategy: new InProcessServer(this.bus, messageContract) };
    const app = await NestFactory.createMicroservice(service, options);
    this.#stops.push(() => app.close());
    await app.listen();
  }
}
