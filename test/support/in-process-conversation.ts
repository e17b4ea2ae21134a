import { type INestMicroservice, type NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy } from '@nestjs/microservices';
import { afterEach, beforeEach } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { z } from 'zod';
import { InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';
import { InProcessServer } from '#runtime/in-process-server';
import { type MessageContract } from '#runtime/list-dispatch';
import { aGate } from './gate.ts';
import { type Noted, notingModule } from './noting-handlers.ts';

/** What a caller is told of an error whose cause stays inside. */
export const INTERNAL = { status: 'error', message: 'Internal server error' };
const numbered = z.object({ n: z.number().max(1_000_000) });
/** Of topics that begin with `list.`; others pass unchecked. */
export const contract: MessageContract = {
  requestSchema: (topic) => (topic.startsWith('list.') ? numbered : undefined),
  refuse: (_, error) => ({ ok: false, field: error.issues[0]?.path[0] }),
};

/** A client and a server on one bus, new for each test, and handlers of every kind that note what they see. */
export class InProcessConversation implements Noted {
  readonly seen: Noted['seen'] = { guard: [], interceptor: [], pipe: [], filter: [], lists: [] };
  readonly events: unknown[] = [];
  readonly gate = aGate();
  readonly bus = new InProcessBus();
  readonly server = new InProcessServer(this.bus, contract, { drainMs: 50 });
  readonly client = new InProcessClient(this.bus, { drainMs: 50 });

  ask(topic: string, request: unknown): Promise<unknown> {
    return firstValueFrom(this.client.send<unknown>(topic, request));
  }

  async outcomes(topic: string, requests: readonly unknown[]): Promise<unknown[]> {
    const settled = await Promise.allSettled(requests.map((request) => this.ask(topic, request)));
    return settled.map((one) => (one.status === 'fulfilled' ? one.value : { thrown: one.reason as unknown }));
  }

  /** The same handlers behind another server. */
  createApp(strategy: InProcessServer): Promise<INestMicroservice> {
    const options: Pick<NestApplicationOptions, 'logger'> & CustomStrategy = { strategy, logger: false };
    return NestFactory.createMicroservice(notingModule(this), options);
  }
}

/** Opens one before each test of the suite that asks for it; the answer is the one of the test that runs. */
export function conversations(): () => InProcessConversation {
  let current: InProcessConversation;
  let app: INestMicroservice;
  beforeEach(async () => {
    current = new InProcessConversation();
    app = await current.createApp(current.server);
    await app.listen();
  });
  afterEach(async () => {
    current.gate.open();
    await current.client.close();
    await app.close();
  });
  return () => current;
}
