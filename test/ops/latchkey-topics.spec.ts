import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { topicLayout } from '#contracts/topic-layout';
import { built } from '#testing/built';
import { anyKafka, sharedKafka } from '#testing/kafka-process';
import { aTopicPrefix, createTopics } from '#testing/kafka-topics';
import { requires } from '#testing/requires';

/** `latchkey topics` as a process of its own. */
async function topics(settings: Record<string, string>, ...args: string[]) {
  const main = join(built(), 'bin/latchkey.js');
  const env = { PATH: process.env['PATH'], ...settings };
  const child = spawn(process.execPath, [main, 'topics', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
  await once(child, 'close');
  return { exitCode: child.exitCode, ...said };
}

interface Line {
  readonly name: string;
  readonly outcome: string;
  readonly differences: readonly string[];
}
const lines = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

requires(anyKafka)('latchkey topics', () => {
  let brokers: readonly string[];
  const prefix = aTopicPrefix('ops');
  const settings = () => ({ KAFKA_BROKERS: brokers.join(','), TOPIC_PREFIX: prefix });
  const admin = () => new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();

  beforeAll(async () => {
    ({ brokers } = await sharedKafka());
  });

  afterAll(async () => {
    const cleaner = admin();
    await cleaner.connect();
    const own = (await cleaner.listTopics()).filter((name) => name.startsWith(prefix));
    await cleaner.deleteTopics({ topics: own });
    await cleaner.disconnect();
  });

  it('makes every topic once, and leaves what is there as it is', async () => {
    const first = await topics(settings(), '--json', '--reply-partitions', '3');
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    const names = topicLayout(prefix).map(({ name }) => name);
    expect(lines(first.stdout)).toEqual(names.map((name) => ({ name, outcome: 'made', differences: [] })));
    const again = await topics(settings(), '--reply-partitions', '3');
    expect(again.exitCode).toBe(0);
    expect(again.stdout.trim().split('\n')).toEqual(names.map((name) => `${name}: there already`));
  });

  it('tells where one differs from what it should be, and changes nothing', async () => {
    const other = aTopicPrefix('differs');
    await createTopics(brokers, [{ topic: `${other}users.deleted`, numPartitions: 1 }]);
    const { exitCode, stdout } = await topics(
      { ...settings(), TOPIC_PREFIX: other },
      '--json',
      '--reply-partitions',
      '1',
    );
    expect(exitCode).toBe(1);
    const differing = lines(stdout).filter(({ outcome }) => outcome === 'differs');
    expect(differing.map(({ name }) => name)).toEqual([`${other}users.deleted`]);
    expect(differing[0]?.differences).toContain('1 partitions, not 8');
    expect(differing[0]?.differences.join()).toContain('message.timestamp.type is CreateTime, not LogAppendTime');
    const looker = admin();
    await looker.connect();
    const metadata = await looker.fetchTopicMetadata({ topics: [`${other}users.deleted`] });
    expect(metadata.topics[0]?.partitions).toHaveLength(1);
    await looker.deleteTopics({ topics: lines(stdout).map(({ name }) => name) });
    await looker.disconnect();
  });

  it.each([
    ['a setting that is missing', { KAFKA_BROKERS: '' }, [], 'KAFKA_BROKERS'],
    ['a broker that is no address', { KAFKA_BROKERS: 'localhost' }, [], 'KAFKA_BROKERS'],
    ['a count that is none', {}, ['--reply-partitions', 'many'], 'whole number'],
  ])('could not run with %s, and says so', async (_, wrong, args, told) => {
    const { exitCode, stdout, stderr } = await topics({ ...settings(), ...wrong }, ...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(told);
  });

  it('could not run without a broker, and says so in a line', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const { exitCode, stderr } = await topics({ ...settings(), KAFKA_BROKERS: `127.0.0.1:${port}` });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/Kafka/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
