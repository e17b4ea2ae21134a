import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { built } from '#testing/built';
import { type KafkaRig } from '#testing/kafka-rig';

/**
 * A process that answers the pattern `ask`: says `took <n>` when its handler gets a request, and replies once it is told
 * `reply`. `defended: false` commits what it fetched before it is answered, as stock Nest may.
 */
export class ServerChild {
  readonly lines: string[] = [];
  #onLine: (() => void)[] = [];

  private constructor(readonly child: ChildProcess) {
    createInterface(child.stdout!).on('line', (line) => {
      this.lines.push(line);
      for (const tell of this.#onLine.splice(0)) tell();
    });
  }

  static async start(
    { brokers, groupId, topicPrefix }: Pick<KafkaRig, 'brokers' | 'groupId' | 'topicPrefix'>,
    { defended = true }: { defended?: boolean } = {},
  ): Promise<ServerChild> {
    const options = JSON.stringify({ brokers, groupId, topicPrefix });
    const script = `
      import 'reflect-metadata';
      import { once } from 'node:events';
      import { createInterface } from 'node:readline';
      const options = ${options};
      const told = new Map();
      createInterface(process.stdin).on('line', (line) => told.get(line)?.());
      const whenTold = (line) => new Promise((resolve) => told.set(line, resolve));
      const mayReply = whenTold('reply');
      ${defended ? DEFENDED : UNDEFENDED}
      console.log('ready');
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(built(), '..'),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const self = new ServerChild(child);
    await self.said('ready');
    return self;
  }

  async said(line: string): Promise<void> {
    while (!this.lines.includes(line)) {
      if (this.child.exitCode !== null) throw new Error(`The server ended:\n${this.lines.join('\n')}`);
      await Promise.race([new Promise<void>((resolve) => this.#onLine.push(resolve)), once(this.child, 'exit')]);
    }
  }

  tell(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

const DEFENDED = `
  const { KafkaRpcServer } = await import('./dist/libs/kafka-rpc/kafka-rpc-server.js');
  const { Controller, Module } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { MessagePattern, Payload } = await import('@nestjs/microservices');
  class Service {
    ask(list) {
      return list.map(async ({ request: { n } }) => {
        console.log('took ' + n);
        await mayReply;
        return { n };
      });
    }
  }
  Controller()(Service);
  MessagePattern('ask', { list: true })(Service.prototype, 'ask', Object.getOwnPropertyDescriptor(Service.prototype, 'ask'));
  Payload()(Service.prototype, 'ask', 0);
  class ServiceModule {}
  Module({ controllers: [Service] })(ServiceModule);
  const strategy = new KafkaRpcServer({ requestSchema: () => undefined, refuse: () => undefined }, options);
  const app = await NestFactory.createMicroservice(ServiceModule, { strategy, logger: false });
  await app.listen();
  void whenTold('live?').then(() => setInterval(() => console.log(strategy.isUp() ? 'is up' : 'is down'), 50));
`;

const UNDEFENDED = `
  const { default: { Kafka, logLevel } } = await import('kafkajs');
  const consumer = new Kafka({ brokers: options.brokers, logLevel: logLevel.NOTHING }).consumer({
    groupId: options.groupId,
    maxWaitTimeInMs: 100,
    sessionTimeout: 6000,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [options.topicPrefix + 'ask'], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const { n } = JSON.parse(message.value);
      console.log('took ' + n);
      void mayReply.then(() => { throw new Error('never told'); });
    },
  });
`;
