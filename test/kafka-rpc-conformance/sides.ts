import { type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientKafka,
  type ClientProxy,
  type CustomStrategy,
  type KafkaOptions,
  Transport,
} from '@nestjs/microservices';
import { KafkaRpcClient } from '#kafka-rpc/kafka-rpc-client';
import { KafkaRpcServer } from '#kafka-rpc/kafka-rpc-server';
import { type MessageContract } from '#runtime/list-dispatch';
import { type WireTopics } from './wire-topics.ts';
import { EVENT, PATTERNS, wireController, type WireController } from './wire.controller.ts';

/** One end of the wire: stock NestJS, or ours. */
export interface ServerSide {
  readonly name: 'stock NestJS' | 'Latchkey';
  readonly start: (topics: WireTopics) => Promise<StartedServer>;
}

export interface StartedServer {
  readonly wire: WireController;
  readonly close: () => Promise<void>;
}

export interface ClientSide {
  readonly name: 'stock NestJS' | 'Latchkey';
  /** Connected: its requests can be answered. */
  readonly connect: (topics: WireTopics) => Promise<WireClient>;
}

export type WireClient = Pick<ClientProxy, 'send' | 'emit' | 'close'>;

@Module({})
class WireModule {}

type KafkaOptionsOf = NonNullable<KafkaOptions['options']>;

/** Defaults, but that nothing is missed that was sent before the group had an offset. */
export const stockServer: ServerSide = {
  name: 'stock NestJS',
  start: ({ brokers, prefix }) => {
    const options: KafkaOptionsOf = {
      client: { brokers: [...brokers] },
      consumer: { groupId: `${prefix}wire`, maxWaitTimeInMs: 100 },
      subscribe: { fromBeginning: true },
    };
    return serve(prefix, { transport: Transport.KAFKA, options });
  },
};

export const stockClient: ClientSide = {
  name: 'stock NestJS',
  connect: async ({ brokers, prefix }) => {
    const client = new ClientKafka({
      client: { brokers: [...brokers] },
      consumer: { groupId: `${prefix}wire`, maxWaitTimeInMs: 100 },
      subscribe: { fromBeginning: true },
    });
    for (const pattern of [...PATTERNS, EVENT]) client.subscribeToResponseOf(prefix + pattern);
    await client.connect();
    return client;
  },
};

/** Requests pass unchecked, as in stock NestJS. */
const NO_CONTRACT: MessageContract = { requestSchema: () => undefined, refuse: () => undefined };

export const ourServer: ServerSide = {
  name: 'Latchkey',
  start: ({ brokers, prefix }) =>
    serve(prefix, { strategy: new KafkaRpcServer(NO_CONTRACT, { brokers, groupId: `${prefix}wire` }) }),
};

export const ourClient: ClientSide = {
  name: 'Latchkey',
  connect: async ({ brokers, prefix }) => {
    const client = new KafkaRpcClient({ brokers, patterns: PATTERNS.map((pattern) => prefix + pattern) });
    await client.connect();
    return client;
  },
};

async function serve(prefix: string, options: KafkaOptions | CustomStrategy): Promise<StartedServer> {
  const controller = wireController(prefix);
  const wireModule = { module: WireModule, controllers: [controller] };
  const app: INestMicroservice = await NestFactory.createMicroservice(wireModule, { ...options, logger: false });
  await app.listen();
  return { wire: app.get(controller), close: () => app.close() };
}
