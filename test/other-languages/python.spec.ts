/** docs/other-languages.md is followed to the letter: its program is cut out of it and asks the real services. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type DynamicModule, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthModule } from '#auth/auth.module';
import { CommandModule } from '#command/command.module';
import { messageContract } from '#contracts/message-contract';
import { TOPICS } from '#contracts/topics';
import { EmbeddedEventStore } from '#embedded-event-store/embedded-event-store';
import { EventStore } from '#event-store/event-store';
import { KafkaRpcServer } from '#kafka-rpc/kafka-rpc-server';
import { MemoryLastUse } from '#key-lookup/last-use';
import { aFolder } from '#testing/folders';
import { HandDrivenLookup } from '#testing/hand-driven-lookup';
import { anyKafka, sharedKafka } from '#testing/kafka-process';
import { aTopicPrefix, createTopics } from '#testing/kafka-topics';
import { keyEventMetadata } from '#keys/parse-key-event';
import { requires, type Requirement } from '#testing/requires';

const PAGE = join(import.meta.dirname, '../../docs/other-languages.md');
/** Debian's: the one that its python3-kafka is installed for. */
const PYTHON = '/usr/bin/python3';
const VALUE = 'lkp_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2wKSYx';

const pythonKafka: Requirement = {
  name: 'kafka-python',
  missing: () => {
    const { error, status } = spawnSync(PYTHON, ['-c', 'import kafka'], { stdio: 'ignore' });
    return error === undefined && status === 0 ? undefined : `${PYTHON} can’t import kafka (Debian: python3-kafka)`;
  },
};

requires(anyKafka, pythonKafka)('the program of docs/other-languages.md', () => {
  const folder = aFolder('python');
  const program = join(folder, 'latchkey.py');
  const topicPrefix = aTopicPrefix('python');
  const closing: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true })];
  let brokers: readonly string[];
  let lookup: HandDrivenLookup;
  let eventStore: EventStore;

  async function serve(module: DynamicModule, name: string): Promise<void> {
    const strategy = new KafkaRpcServer(messageContract, { brokers, topicPrefix, groupId: `${topicPrefix}${name}` });
    const service: INestMicroservice = await NestFactory.createMicroservice(module, { strategy, logger: false });
    closing.push(() => service.close());
    await service.listen();
  }

  async function run(...args: string[]): Promise<unknown> {
    const env = { PATH: process.env['PATH'], KAFKA_BROKERS: brokers.join(), TOPIC_PREFIX: topicPrefix };
    const child = spawn(PYTHON, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, said] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    if (child.exitCode !== 0) throw new Error(`The program failed:\n${said}`);
    return JSON.parse(out);
  }

  beforeAll(async () => {
    writeFileSync(program, pythonOf(readFileSync(PAGE, 'utf8')));
    ({ brokers } = await sharedKafka());
    const topics = Object.keys(TOPICS).flatMap((pattern) => [pattern, `${pattern}.reply`]);
    await createTopics(
      brokers,
      topics.map((topic) => ({ topic: topicPrefix + topic, numPartitions: 3 })),
    );
    const node = await EmbeddedEventStore.open({ dataDir: folder, port: 0 });
    closing.push(() => node.close());
    eventStore = EventStore.connect(node.url);
    closing.push(() => eventStore.close());
    lookup = await HandDrivenLookup.open();
    await lookup.event({ put: hashOf(VALUE), entry: { userId: 'ann', keyId: 'key', scopes: ['insight:read'] } });
    await serve(AuthModule.register({ lookup: lookup.reader, lastUse: new MemoryLastUse() }), 'auth');
    await serve(CommandModule.register({ eventStore }), 'command');
  });

  afterAll(async () => {
    for (const close of closing.reverse()) await close();
  });

  it('learns that a key is good, and for what', async () => {
    expect(await run('verify', VALUE, 'insight:read')).toEqual({
      valid: true,
      userId: 'ann',
      keyId: 'key',
      scopes: ['insight:read'],
      position: String(lookup.position),
    });
    expect(await run('verify', VALUE, 'insight:write')).toMatchObject({
      valid: false,
      code: 'INSUFFICIENT_SCOPE',
      missing: ['insight:write'],
    });
  });

  it('learns that there is no such key', async () => {
    expect(await run('verify', `${VALUE}z`)).toMatchObject({ valid: false, code: 'NOT_FOUND' });
  });

  it('asks nobody about what can be no key', async () => {
    expect(await run('verify', 'ключ')).toEqual({ valid: false, code: 'NOT_FOUND' });
  });

  it('gives a command, and is told what became of it', async () => {
    await aKey(eventStore, 'bob', 'b1');
    expect(await run('relabel', 'bob', 'b1', 'Größe ✓')).toMatchObject({ ok: true, record: { label: 'Größe ✓' } });
    const read = await eventStore.readStream('userKeys-bob');
    expect(read.outcome === 'found' ? read.events.map(({ type }) => type) : []).toEqual([
      'KeyCreated',
      'KeyRelabelled',
    ]);
  });

  it('is told why a command was refused', async () => {
    expect(await run('relabel', 'bob', 'none', 'Deploys')).toMatchObject({ ok: false, code: 'KEY_NOT_FOUND' });
  });
});

/** The one program on the page. */
function pythonOf(page: string): string {
  const [program, ...more] = [...page.matchAll(/^```python\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
  if (program === undefined || more.length > 0) throw new Error('There is not one program on the page');
  return program;
}

function hashOf(value: string): string {
  return `sha256$${createHash('sha256').update(value).digest('hex')}`;
}

async function aKey(store: EventStore, userId: string, keyId: string): Promise<void> {
  const scopes = ['insight:read'];
  const at = new Date(0).toISOString();
  const data = {
    userId,
    keyId,
    label: 'first',
    description: null,
    scopes,
    hash: hashOf(keyId),
    mask: 'lkp_...abcd',
    at,
  };
  const metadata = { ...keyEventMetadata('KeyCreated', { commandId: `create-${keyId}`, digest: 'none' }) };
  const id = '3f1f8f60-0000-4000-8000-000000000001';
  await store.append(`userKeys-${userId}`, 'none', [{ id, type: 'KeyCreated', data, metadata }]);
}
