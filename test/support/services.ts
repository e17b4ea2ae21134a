import { type DynamicModule, type NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy } from '@nestjs/microservices';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { rm } from 'node:fs/promises';
import { pino, type Logger } from 'pino';
import { AuthModule } from '#auth/auth.module';
import { type RequestTransport } from '#client/request-transport';
import { CommandModule } from '#command/command.module';
import { messageContract } from '#contracts/message-contract';
import { type ScopeCatalogue } from '#contracts/scope-catalogue';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { EventStore } from '#event-store/event-store';
import { type LastUse, MemoryLastUse } from '#key-lookup/last-use';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { ProjectorModule } from '#projector/projector.module';
import { ProjectorService } from '#projector/projector.service';
import { InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';
import { InProcessServer } from '#runtime/in-process-server';
import { NestLogger } from '#runtime/logging';
import { aFolder } from './folders.ts';
import { SIGN_IN_TOKEN, startGateway, testSettings } from './gateway.ts';
import { KeysApi } from './keys-api.ts';

export interface ServicesOptions {
  /** Nowhere, by default. */
  readonly log?: Logger;
  /** PostHog's, by default. */
  readonly scopes?: ScopeCatalogue;
  /** In memory, by default. */
  readonly lastUse?: LastUse;
  /** Of a log that others use as well; an embedded one of its own, by default. */
  readonly eventStoreUrl?: string;
  /** Sees every request that the gateway sends to a service. */
  readonly onRequest?: (request: unknown) => void;
  /** And what comes back. */
  readonly onReply?: (reply: unknown) => void;
}

/** Every real service in this process, over an embedded event store of its own, and a client of their topics. */
export class Services {
  readonly dataDir = aFolder('services');
  readonly client: InProcessClient;
  store!: EventStore;
  #gateway!: NestFastifyApplication;
  readonly #bus = new InProcessBus();
  readonly #log: Logger;
  readonly #onRequest: (request: unknown) => void;
  readonly #onReply: (reply: unknown) => void;
  #eventStoreUrl: string | undefined;
  readonly #scopes: ScopeCatalogue | undefined;
  readonly #lastUse: LastUse;
  readonly #stops: (() => Promise<unknown>)[] = [];

  private constructor({ log, onRequest, onReply, scopes, lastUse, eventStoreUrl }: ServicesOptions) {
    this.#eventStoreUrl = eventStoreUrl;
    this.#log = log ?? pino({ level: 'silent' });
    this.#onRequest = onRequest ?? (() => undefined);
    this.#onReply = onReply ?? (() => undefined);
    this.#scopes = scopes;
    this.#lastUse = lastUse ?? new MemoryLastUse();
    this.client = new InProcessClient(this.#bus);
  }

  static async start(options: ServicesOptions = {}): Promise<Services> {
    const services = new Services(options);
    await services.#startStore();
    await services.#startAll();
    return services;
  }

  get url(): string {
    const address = this.#gateway.getHttpServer().address();
    if (address === null || typeof address === 'string') throw new Error('The gateway is not listening');
    return `http://127.0.0.1:${address.port}`;
  }

  get eventStoreUrl(): string {
    if (this.#eventStoreUrl === undefined) throw new Error('The event store is not open');
    return this.#eventStoreUrl;
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

  get #nestOptions(): Partial<NestApplicationOptions> {
    return { logger: new NestLogger(this.#log) };
  }

  async #startStore(): Promise<void> {
    this.#stops.push(() => rm(this.dataDir, { recursive: true, force: true }));
    if (this.#eventStoreUrl === undefined) {
      const node = await EmbeddedEventStore.open({ dataDir: this.dataDir, port: 0 });
      this.#stops.push(() => node.close());
      this.#eventStoreUrl = node.url;
    }
    this.store = EventStore.connect(this.#eventStoreUrl);
    this.#stops.push(() => this.store.close());
  }

  async #startAll(): Promise<void> {
    const lookup = new MemoryKeyLookup();
    const reader = lookup.reader({ maxStalenessMs: 30_000, monotonicMs: () => performance.now() });
    const projector = await NestFactory.createApplicationContext(
      ProjectorModule.register({ eventStore: this.store, lookup, shards: 2, proofIntervalMs: 50 }),
      this.#nestOptions,
    );
    this.#stops.push(() => projector.close());
    await this.#serve(
      CommandModule.register({ eventStore: this.store, ...(this.#scopes && { scopes: this.#scopes }) }),
    );
    await this.#serve(AuthModule.register({ lookup: reader, lastUse: this.#lastUse }));
    this.#stops.push(() => this.client.close());
    const client: RequestTransport = {
      send: (topic, record) => this.client.send<unknown>(topic, record),
      ask: (topic, record, receive) => {
        this.#onRequest(record);
        return this.client.ask(topic, record, (packet) => {
          this.#onReply(packet);
          receive(packet);
        });
      },
    };
    const logger = new NestLogger(this.#log);
    const settings = testSettings({ LEGACY_TEST_ITERATIONS: '1' });
    this.#gateway = await startGateway({ client, settings, logger, requestLog: this.#log });
    this.#stops.push(() => this.#gateway.close());
    while (!projector.get(ProjectorService).status.caughtUp) await new Promise((resolve) => setImmediate(resolve));
  }

  async #serve(service: DynamicModule): Promise<void> {
    const strategy = new InProcessServer(this.#bus, messageContract);
    const options: Partial<CustomStrategy> = { ...this.#nestOptions, strategy };
    const app = await NestFactory.createMicroservice(service, options);
    this.#stops.push(() => app.close());
    await app.listen();
  }
}
