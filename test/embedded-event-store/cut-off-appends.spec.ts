import { once } from 'node:events';
import { credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EventStoreDBClient } from '@eventstore/db-client';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { aFolder } from '#testing/folders';
import { randomUUID } from 'node:crypto';

const { StreamsClient } = streamsGrpc;

/** Spoken without the client, which would send all of an append at once. */
describe('a plain append whose client goes away before its end', () => {
  let store: EmbeddedEventStore;
  let client: EventStoreDBClient;
  let raw: InstanceType<typeof StreamsClient>;
  const unhandled: unknown[] = [];
  const note = (fault: unknown) => unhandled.push(fault);

  beforeAll(async () => {
    process.on('unhandledRejection', note);
    store = await EmbeddedEventStore.open({ dataDir: aFolder('cut-off'), port: 0 });
    client = EventStoreDBClient.connectionString(store.url);
    raw = new StreamsClient(`127.0.0.1:${store.port}`, credentials.createInsecure());
  });
  afterAll(async () => {
    raw.close();
    await client.dispose();
    await store.close();
    process.off('unhandledRejection', note);
  });

  /** An append of which the server has surely read three events; it goes on until `end()` or `cancel()`. */
  async function begun(stream: string) {
    const call = raw.append(new Metadata(), () => undefined);
    call.on('error', () => undefined);
    call.write(optionsFor(stream));
    for (let nth = 0; nth < 3; nth++) await new Promise((resolve) => call.write(anEvent(), resolve));
    // Another call of the same connection, answered: what was sent before it has arrived.
    await client.appendToStream(`witness-${stream}`, []);
    return call;
  }

  async function eventsOf(stream: string): Promise<number> {
    let count = 0;
    try {
      for await (const { event } of client.readStream(stream)) if (event) count++;
    } catch (error) {
      expect(error).toMatchObject({ type: 'stream-not-found' });
    }
    return count;
  }

  it('is stored when the client says that this was all', async () => {
    const call = await begun('whole');
    call.end();
    await once(call, 'status');
    expect(await eventsOf('whole')).toBe(3);
  });

  it('stores nothing when the client cancels', async () => {
    for (let round = 0; round < 20; round++) {
      const call = await begun(`cancelled-${round}`);
      call.cancel();
      await once(call, 'status');
    }
    for (let round = 0; round < 20; round++) expect(await eventsOf(`cancelled-${round}`)).toBe(0);
  });

  it('leaves nothing unhandled, also before a message that is larger than the server takes', async () => {
    for (let round = 0; round < 6; round++) (await begun(`cut-${round}`)).cancel();
    const call = await begun('huge');
    call.write(anEvent(17 * 1024 * 1024));
    const [{ code }] = (await once(call, 'status')) as [{ code: number }];
    expect(code).not.toBe(0);
    expect(await eventsOf('huge')).toBe(0);
    await new Promise(setImmediate);
    expect(unhandled).toEqual([]);
  });
});

function optionsFor(stream: string): streamsPb.AppendReq {
  const identifier = new sharedPb.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream));
  const options = new streamsPb.AppendReq.Options();
  options.setStreamIdentifier(identifier);
  options.setNoStream(new sharedPb.Empty());
  const request = new streamsPb.AppendReq();
  request.setOptions(options);
  return request;
}

function anEvent(bytes = 2): streamsPb.AppendReq {
  const id = new sharedPb.UUID();
  id.setString(randomUUID());
  const message = new streamsPb.AppendReq.ProposedMessage();
  message.setId(id);
  message.getMetadataMap().set('type', 'Happened').set('content-type', 'application/octet-stream');
  message.setData(Buffer.alloc(bytes, '{'));
  const request = new streamsPb.AppendReq();
  request.setProposedMessage(message);
  return request;
}
