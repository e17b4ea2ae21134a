import { aFolder } from './folders.ts';
import { type Requirement } from './requires.ts';
import { KAFKA, ServerContainer } from './servers/container.mjs';
import { NativeServer } from './servers/native-server.ts';
import { type OwnServer } from './servers/own-server.ts';
import { howToStart, missing } from './servers/how-to-start.ts';

/** A broker of the test's own: `startKafka()`. */
export const kafkaServer: Requirement = { name: 'Kafka to start', missing: () => missing('KAFKA') };

/** Any broker, shared with others: `sharedKafka()`. */
export const anyKafka: Requirement = {
  name: 'Kafka',
  missing: () => (givenBrokers() === undefined ? missing('KAFKA') : undefined),
};

/** It makes no topic that nobody created. */
export interface OwnKafka extends OwnServer {
  readonly brokers: readonly [string];
}

/**
 * A broker of the test's own, to be killed, paused and restarted: a real one, natively or in a container.
 * @param options.dataDir (native) a folder of the test's own; a new one when left out
 */
export async function startKafka({
  dataDir = aFolder('kafka'),
}: { readonly dataDir?: string } = {}): Promise<OwnKafka> {
  const server =
    howToStart('KAFKA') === 'native'
      ? await NativeServer.start('kafka.mjs', dataDir)
      : await ServerContainer.start(KAFKA);
  return Object.assign(server, { brokers: [`${server.host}:${server.port}`] as const });
}

/**
 * The broker that all specs of a run share, since one costs half a gigabyte: LATCHKEY_TEST_KAFKA, or one that the first
 * who asks has started and that ends with the run. Whoever uses it names its topics and groups by `aTopicPrefix()`, and
 * neither kills nor pauses it.
 */
export async function sharedKafka(): Promise<{ readonly brokers: readonly string[] }> {
  const given = givenBrokers();
  if (given !== undefined) return { brokers: given };
  const url = process.env['LATCHKEY_SHARED_SERVERS'];
  if (url === undefined) throw new Error('Not started by Jest with the project’s configuration');
  const response = await fetch(`${url}/kafka`);
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as { brokers: string[] };
}

function givenBrokers(): string[] | undefined {
  return process.env['LATCHKEY_TEST_KAFKA']?.split(',').filter((broker) => broker !== '');
}
