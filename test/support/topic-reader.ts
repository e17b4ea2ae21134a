import { type Consumer, type KafkaMessage } from 'kafkajs';

/** Reads a topic from its beginning, and keeps all that it has read. */
export class TopicReader {
  readonly messages: (KafkaMessage & { partition: number })[] = [];
  #onNews: (() => void)[] = [];

  constructor(readonly consumer: Consumer) {}

  async start(topic: string): Promise<void> {
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [topic], fromBeginning: true });
    const joined = new Promise((resolve) => this.consumer.on(this.consumer.events.GROUP_JOIN, resolve));
    await this.consumer.run({
      autoCommit: false,
      eachMessage: ({ message, partition }) => {
        this.messages.push({ ...message, partition });
        for (const tell of this.#onNews.splice(0)) tell();
        return Promise.resolve();
      },
    });
    await joined;
  }

  async until(holds: (messages: TopicReader['messages']) => boolean): Promise<TopicReader['messages']> {
    while (!holds(this.messages)) await new Promise<void>((resolve) => this.#onNews.push(resolve));
    return this.messages;
  }
}
