import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { EventStore } from '#event-store/event-store';
import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { type LookupStore } from '#key-lookup/lookup-store';
import { type LookupReader } from '#key-lookup/lookup-reader';
import { type KeyEvent } from '#keys/events';
import { type ProjectionListener } from '#projector/projection-record';
import { Projector, type ProjectorOptions } from '#projector/projector';
import { newEvent } from '#testing/key-events';
import { type Verdict } from '#contracts/verification';
import { verifyMany } from '#verification/verify-many';

/** A real store on a fixed free port with data that can be copied and exchanged, and projectors of it. */
export class ProjectedLog {
  readonly lookup: LookupStore;
  readonly reader: LookupReader;
  store!: EventStore;
  readonly #folders: string[] = [];
  readonly #projectors: { stop: AbortController; running: Promise<void> }[] = [];
  readonly #revisions = new Map<string, bigint>();
  #node: EmbeddedEventStore | undefined;
  #port = 0;
  #dataDir = '';

  private constructor({ lookup, reader }: { lookup: LookupStore; reader: LookupReader }) {
    this.lookup = lookup;
    this.reader = reader;
  }

  /** With a lookup in memory, unless another is given. */
  static async open({ maxStalenessMs = 30_000, callMs = 10_000, keptIn = inMemory(maxStalenessMs) } = {}) {
    const log = new ProjectedLog(keptIn);
    await log.startStore(await log.emptyFolder());
    log.store = EventStore.connect(log.#node!.url, { callMs });
    return log;
  }

  /** Where its store listens. */
  get port(): number {
    return this.#port;
  }

  /** Of the store that was started last. */
  get dataDir(): string {
    return this.#dataDir;
  }

  /** Runs a projector until the log is closed, or the returned function is called. */
  project(
    options: Partial<ProjectorOptions> = {},
    listener: ProjectionListener = {},
  ): { projector: Projector; stop: () => Promise<void> } {
    const eventStore = options.eventStore ?? this.store;
    const projector = new Projector(
      { eventStore, lookup: this.lookup, shards: 2, proofIntervalMs: 20, ...options },
      listener,
    );
    const stop = new AbortController();
    const running = projector.run(stop.signal);
    this.#projectors.push({ stop, running });
    return { projector, stop: () => (stop.abort(), running) };
  }

  /** Appends to the user's stream, in one append. @returns the position of the last */
  async append(...events: KeyEvent[]): Promise<bigint> {
    const stream = `userKeys-${events[0]!.data.userId}`;
    return this.appendTo(stream, events.map(newEvent));
  }

  async appendTo(stream: string, events: ReturnType<typeof newEvent>[]): Promise<bigint> {
    const result = await this.store.append(stream, this.#revisions.get(stream) ?? 'none', events);
    if (result.outcome !== 'appended') throw new Error(`not appended: ${result.outcome}`);
    this.#revisions.set(stream, result.revision);
    return result.position.commit;
  }

  async verify(item: unknown): Promise<Verdict> {
    return (await verifyMany([item], this.reader))[0]!;
  }

  /** Waits until the verdict of a hash is as wanted; the test's own timeout is the bound. */
  async untilVerdict(hash: string, wanted: Partial<Verdict>): Promise<void> {
    await until(async () => {
      const verdict: Record<string, unknown> = await this.verify({ hash });
      return Object.entries(wanted).every(([name, value]) => verdict[name] === value);
    });
  }

  async digest(lookup: LookupStore = this.lookup): Promise<string> {
    return lookup.digest((await lookup.live())!);
  }

  async stopStore(): Promise<void> {
    await this.#node?.close();
    this.#node = undefined;
  }

  /** On the data where it stopped, or on others. */
  async startStore(dataDir = this.#dataDir): Promise<void> {
    this.#dataDir = dataDir;
    this.#node = await EmbeddedEventStore.open({ dataDir, port: this.#port });
    this.#port = this.#node.port;
  }

  /** A backup of the data, while the store is stopped. */
  async copyData(): Promise<string> {
    const copy = await this.emptyFolder();
    await cp(this.#dataDir, copy, { recursive: true });
    return copy;
  }

  async emptyFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-projector-'));
    this.#folders.push(folder);
    return folder;
  }

  /** The next events of a stream are appended as to a new one. */
  forgetRevisions(): void {
    this.#revisions.clear();
  }

  async close(): Promise<void> {
    for (const { stop } of this.#projectors) stop.abort();
    await Promise.all(this.#projectors.map(({ running }) => running));
    await this.store.close();
    await this.stopStore();
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true });
  }
}

function inMemory(maxStalenessMs: number): { lookup: LookupStore; reader: LookupReader } {
  const lookup = new MemoryKeyLookup();
  return { lookup, reader: lookup.reader({ maxStalenessMs, monotonicMs: () => performance.now() }) };
}

/** Waits until the condition holds; the test's own timeout is the bound. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** The same object with one method in front of its own. */
export function replacing<T extends object, Name extends keyof T>(target: T, name: Name, method: T[Name]): T {
  return new Proxy(target, {
    get: (_, asked) => {
      const member: unknown = asked === name ? method : Reflect.get(target, asked, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
