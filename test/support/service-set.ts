import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { topicLayout } from '#contracts/topic-layout';
import { ensureTopics } from '#kafka-rpc/topics';
import { EventStoreProcess } from './event-store-process.ts';
import { aFolder } from './folders.ts';
import { type OwnKafka, sharedKafka, startKafka } from './kafka-process.ts';
import { KeysApi } from './keys-api.ts';
import { type RedisProcess, startRedis } from './redis-process.ts';
import { type SecureKafka } from './secure-kafka.ts';
import { ServiceProcess } from './service-process.ts';

export type ServiceName = 'command' | 'auth' | 'projector' | 'gateway';

export interface ServiceSetOptions {
  /** How many of each; one by default. */
  readonly replicas?: Partial<Record<ServiceName, number>>;
  readonly settings?: Record<string, string>;
  /** A broker of its own, to be stopped and paused; by default the one that all specs share. */
  readonly ownKafka?: boolean;
  /** A broker with the topics, where each service is the user `<prefix><name>`. It is the set’s own from then on. */
  readonly secured?: { readonly kafka: SecureKafka; readonly prefix: string };
}

const NAMES: readonly ServiceName[] = ['projector', 'auth', 'command', 'gateway'];
const TOKEN = 'a token of the tests';

/** The whole set as it runs in production, each service a real process of its own, as Redis and the event store are. */
export class ServiceSet {
  readonly prefix: string;
  readonly #dataDir = aFolder('set');
  readonly #services: ServiceProcess[] = [];

  private constructor(
    readonly kafka: { readonly brokers: readonly string[] } | OwnKafka,
    readonly redis: RedisProcess,
    private readonly options: ServiceSetOptions,
  ) {
    this.prefix = options.secured?.prefix ?? `t${randomUUID().slice(0, 8)}.`;
  }

  eventStore!: EventStoreProcess;

  /** Resolves once all of them are ready. */
  static async start(options: ServiceSetOptions = {}): Promise<ServiceSet> {
    const { secured, ownKafka = false } = options;
    const plain = () => (ownKafka ? startKafka() : sharedKafka());
    const [kafka, redis] = await Promise.all([secured?.kafka.asOwn() ?? plain(), startRedis()]);
    const set = new ServiceSet(kafka, redis, options);
    await set.startEventStore();
    if (secured === undefined)
      await ensureTopics({ brokers: kafka.brokers }, topicLayout(set.prefix, { replyPartitions: 8 }));
    for (const name of NAMES) {
      for (let nth = 0; nth < (options.replicas?.[name] ?? 1); nth++) set.launch(name);
    }
    await Promise.all(set.#services.map((service) => service.ready()));
    return set;
  }

  /** For who has asked for one. */
  get ownKafka(): OwnKafka {
    if (!('stop' in this.kafka)) throw new Error('The broker is not this set’s own');
    return this.kafka;
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
      ...this.options.secured?.kafka.settings(this.prefix + name),
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

  /** For clients of the test's own. */
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
    if ('stop' in this.kafka) await this.kafka.resume();
    await Promise.all([this.eventStore.kill(), this.redis.stop(), 'stop' in this.kafka && this.kafka.kill()]);
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}
