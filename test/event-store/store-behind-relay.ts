import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { EventStore } from '#event-store/event-store';
import { type RecordedEvent } from '#event-store/recorded-event';
import { GrpcRelay } from '#testing/grpc-relay';
import { NodeUnderTest } from './node-under-test.ts';

export const IMPATIENT = { callMs: 10_000, silenceMs: 500, backOff: { firstMs: 5, maxMs: 50 } };
/** The two ways an append goes: small ones share a call, large ones have one each. */
export const WAYS = [
  ['a small append', 'batchAppend', {}],
  ['a large append', 'append', { text: 'x'.repeat(100_000) }],
] as const;

/** A node for the whole spec, and for each test an impatient client of it behind a relay that disturbs. */
export class StoreBehindRelay {
  node!: NodeUnderTest;
  relay!: GrpcRelay;
  store!: EventStore;
  /** Not disturbed, for what a test only prepares. */
  writer!: EventStore;

  async stored(stream: string): Promise<readonly RecordedEvent[]> {
    const read = await this.store.readStream(stream);
    return read.outcome === 'found' ? read.events : [];
  }
}

export function storeBehindRelay(): StoreBehindRelay {
  const given = new StoreBehindRelay();
  beforeAll(async () => {
    given.node = await NodeUnderTest.open();
    given.writer = EventStore.connect(given.node.url);
  });
  afterAll(async () => {
    await given.writer.close();
    await given.node.close();
  });
  beforeEach(async () => {
    given.relay = await GrpcRelay.open(given.node);
    given.store = EventStore.connect(given.relay.url, IMPATIENT);
  });
  afterEach(async () => {
    await given.store.close();
    given.relay.close();
  });
  return given;
}
