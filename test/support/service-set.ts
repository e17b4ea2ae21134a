import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { topicLayout } from '#contracts/topic-layout';
import { ensureTopics } from '#kafka-rpc/topics';
import { EventStoreProcess } from './event-store-process.ts';
import { aFolder } from './folders.ts';
import { type OwnKafka, startKafka } from './kafka-process.ts';
import { KeysApi } from './keys-api.ts';
import { type RedisProcess, startRedis } from './redis-process.ts';
import { ServiceProcess } from './service-process.ts';

export type ServiceName = 'command' | 'auth' | 'projector' | 'gateway';

export interface ServiceSetOptions {
  /** How many of each; one by default. */
  readonly replicas?: Partial<Record<ServiceName, number>>;
  readonly settings?: Record<string, string>;
}

const NAMES: readonly ServiceName[] = ['projector', 'auth', 'command', 'gateway'];
const TOKEN = 'a token of the tests';

/** The whole set as it runs in production, each service and server a real process of its own. */
export class ServiceSet {
  readonly prefix = `t${randomUUID().slice(0, 8)}.`;
  readonly #dataDir = aFolder('set');
  readonly #services: ServiceProcess[] = [];

  private constructor(
    readonly kafka: OwnKafka,
    readonly redis: RedisProcess,
    private readonly options: ServiceSetOptions,
  ) {}

  eventStore!: EventStoreProcess;

  /** Resolves once all of them are ready. */
  static async start(options: ServiceSetOptions = {}): Promise<ServiceSet> {
    const [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
    const set = new ServiceSet(kafka, redis, options);
    await set.startEventStore();
    await ensureTopics({ brokers: kafka.brokers }, topicLayout(set.prefix, { replyPartitions: 8 }));
    for (const name of NAMES) {
      for (let nth = 0; nth < (options.replicas?.[name] ?? 1); nth++) set.launch(name);
    }
    await Promise.all(set.#services.map((service) => service.ready()));
    return set;
  }

  /** All, or those of one name. */
  services(name?: ServiceName): readonly ServiceProcess[] {
    return this.#services.filter((service) => name === undefined || service.name === name);
  }

  service(name: ServiceName): ServiceProcess {
    return this.services(name)[0]!;
  }

  launch(name: ServiceName, settings: Record<string, string> = {}): ServiceProcess {
    const service = ServiceProcess.launch(name, {
      KAFKA_BROKERS: this.kafka.brokers.join(','),
      TOPIC_PREFIX: this.prefix,
      REDIS_URL: this.redis.url,
      EVENTSTORE_URL: this.eventStore.url,
      SIGN_IN: 'development',
      SIGN_IN_TOKEN: TOKEN,
      ...this.options.settings,
      ...settings,
    });
    this.#services.push(service);
    return service;
  }

  /** Ends it in order, and has it ready again. */
  async restart(service: ServiceProcess): Promise<void> {
    const exit = await service.end('SIGTERM');
    if (exit !== 0) throw new Error(`${service.name} ended with ${exit}:\n${service.output}`);
    await service.again();
  }

  /** What the set's own Kafka, topics and servers are, for clients of the test's own. */
  get connection(): { readonly brokers: readonly string[]; readonly prefix: string } {
    return { brokers: this.kafka.brokers, prefix: this.prefix };
  }

  /** On the data that are there, on the port that it had. */
  async startEventStore(): Promise<void> {
    const known = this.eventStore as EventStoreProcess | undefined;
    this.eventStore = await EventStoreProcess.start(this.#dataDir, known === undefined ? {} : { port: known.port });
  }

  async as(userId: string): Promise<KeysApi> {
    return new KeysApi(await this.service('gateway').url(), userId, TOKEN);
  }

  async stop(): Promise<void> {
    for (const service of this.#services) service.resume();
    await Promise.all(this.#services.map((service) => service.end('SIGKILL')));
    this.redis.resume();
    await this.kafka.resume();
    await Promise.all([this.eventStore.kill(), this.redis.stop(), this.kafka.kill()]);
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}
