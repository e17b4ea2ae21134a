import { randomBytes } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { Requests } from '#client/requests';
import { CommandModule } from '#command/command.module';
import { messageContract } from '#contracts/message-contract';
import { EventStore } from '#event-store/event-store';
import { InProcessBus } from '#runtime/in-process-bus';
import { InProcessClient } from '#runtime/in-process-client';
import { InProcessServer } from '#runtime/in-process-server';

/** The command service in this process, over whatever log it is pointed at, and a client of its topics. */
export class CommandService {
  private constructor(
    readonly store: EventStore,
    readonly client: InProcessClient,
    readonly requests: Requests,
    readonly close: () => Promise<void>,
  ) {}

  static async start(connectionString: string): Promise<CommandService> {
    const store = EventStore.connect(connectionString);
    const bus = new InProcessBus();
    const service = await NestFactory.createMicroservice(CommandModule.register({ eventStore: store }), {
      strategy: new InProcessServer(bus, messageContract),
      logger: false,
    });
    await service.listen();
    const client = new InProcessClient(bus);
    return new CommandService(store, client, new Requests(client), async () => {
      await client.close();
      await service.close();
      await store.close();
    });
  }

  /** `<type> <id>` of each of the user's events. */
  async eventsOf(userId: string): Promise<string[]> {
    const read = await this.store.readStream(`userKeys-${userId}`);
    return read.outcome === 'found' ? read.events.map(({ id, type }) => `${type} ${id}`) : [];
  }
}

export function aHash(): string {
  return `sha256$${randomBytes(32).toString('hex')}`;
}

/** A request to create a key that no other call of this makes. */
export function aCreation(userId: string, keyId = randomBytes(8).toString('hex')) {
  return {
    commandId: `create-${keyId}`,
    userId,
    keyId,
    label: 'Deploys',
    scopes: ['insight:read'],
    hash: aHash(),
    mask: 'lkp_...abcd',
  };
}
