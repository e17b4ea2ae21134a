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
import { EVENT, PATTERNS, WireController } from './wire.controller.ts';

/** One end of the wire: stock NestJS, or ours. */
export interface ServerSide {
  readonly name: 'stock NestJS' | 'Latchkey';
  readonly start: (brokers: readonly string[]) => Promise<StartedServer>;
}

export interface StartedServer {
  readonly wire: WireController;
  readonly close: () => Promise<void>;
}

export interface ClientSide {
  readonly name: 'stock NestJS' | 'Latchkey';
  /** Connected: its requests can be answered. */
  readonly connect: (brokers: readonly string[]) => Promise<WireClient>;
}

export type WireClient = Pick<ClientProxy, 'send' | 'emit' | 'close'>;

@Module({ controllers: [WireController] })
class WireModule {}

type KafkaOptionsOf = NonNullable<KafkaOptions['options']>;

/** Defaults, but that nothing is missed that was sent before the group had an offset. */
export const stockServer: ServerSide = {
  name: 'stock NestJS',
  start: (brokers) => {
    const options: KafkaOptionsOf = {
      client: { brokers: [...brokers] },
      consumer: { groupId: 'wire', maxWaitTimeInMs: 100 },
      subscribe: { fromBeginning: true },
    };
    return serve({ transport: Transport.KAFKA, options });
  },
};

export const stockClient: ClientSide = {
  name: 'stock NestJS',
  connect: async (brokers) => {
    const client = new ClientKafka({
      client: { brokers: [...brokers] },
      consumer: { groupId: 'wire', maxWaitTimeInMs: 100 },
      subscribe: { fromBeginning: true },
    });
    for (const pattern of [...PATTERNS, EVENT]) client.subscribeToResponseOf(pattern);
    await client.connect();
    return client;
  },
};

/** Requests pass unchecked, as in stock NestJS. */
const NO_CONTRACT: MessageContract = { requestSchema: () => undefined, refuse: () => undefined };

export const ourServer: ServerSide = {
  name: 'Latchkey',
  start: (brokers) => serve({ strategy: new KafkaRpcServer(NO_CONTRACT, { brokers, groupId: 'wire' }) }),
};

export const ourClient: ClientSide = {
  name: 'Latchkey',
  connect: async (brokers) => {
    const client = new KafkaRpcClient({ brokers, patterns: PATTERNS });
    await client.connect();
    return client;
  },
};

async function serve(options: KafkaOptions | CustomStrategy): Promise<StartedServer> {
  const app: INestMicroservice = await NestFactory.createMicroservice(WireModule, { ...options, logger: false });
  await app.listen();
  return { wire: app.get(WireController), close: () => app.close() };
}
