import { type Kafka, type KafkaMessage } from 'kafkajs';
import { type Delivery } from '#runtime/delivery';
import { ReplyTopics } from './reply-topics.ts';
import { decodeValue, type ReplyAddress, readReplyAddress, readTimes } from './wire.ts';

/** A record that is to be carried out. */
export interface Taken {
  readonly delivery: Delivery<unknown>;
  /** Undefined: nobody wants a reply. */
  readonly address: ReplyAddress | undefined;
  /** Unix ms; Infinity for an event. */
  readonly deadlineMs: number;
  readonly message: KafkaMessage;
}

/**
 * What records ask for, and where their replies go. One whose reply could not be written, for its address is malformed or
 * not allowed, is left away and counted: nothing is done for who can't be told of it.
 */
export class RequestReader {
  readonly #replyTopics: ReplyTopics;
  #unanswerable = 0;

  /** `replyTopics`: where replies may go; full names. */
  constructor(kafka: Kafka, replyTopics: readonly string[]) {
    this.#replyTopics = new ReplyTopics(kafka, replyTopics);
  }

  /** How many were left away. */
  get unanswerable(): number {
    return this.#unanswerable;
  }

  /** Finds out which partitions the reply topics have. Rejects when the cluster can't be asked. */
  async open(): Promise<void> {
    await this.#replyTopics.refresh();
  }

  /** In their order. Waits only where a reply topic may have got a partition that is not known yet. */
  async read(messages: readonly KafkaMessage[], { isEvent }: { readonly isEvent: boolean }): Promise<Taken[]> {
    const taken: Taken[] = [];
    for (const message of messages) {
      const read = isEvent ? readEvent(message) : this.#readRequest(message);
      const record = read instanceof Promise ? await read : read;
      if (record === 'unanswerable') this.#unanswerable += 1;
      else taken.push(record);
    }
    return taken;
  }

  #readRequest(message: KafkaMessage): Taken | 'unanswerable' | Promise<Taken | 'unanswerable'> {
    const { receivedAtMs, deadlineMs } = readTimes(message);
    const delivery = { request: decodeValue(message.value), receivedAtMs, deadlineMs };
    const address = readReplyAddress(message);
    if (address === 'none') return { delivery, deadlineMs, message, address: undefined };
    if (address === 'unusable' || !this.#replyTopics.isAllowed(address.topic)) return 'unanswerable';
    const taken = { delivery, deadlineMs, message, address };
    const hasPartition = this.#replyTopics.hasPartition(address.topic, address.partition ?? 0);
    if (typeof hasPartition === 'boolean') return hasPartition ? taken : 'unanswerable';
    return hasPartition.then((has) => (has ? taken : 'unanswerable'));
  }
}

function readEvent(message: KafkaMessage): Taken {
  const { receivedAtMs } = readTimes(message);
  const delivery = { request: decodeValue(message.value), receivedAtMs, deadlineMs: Infinity };
  return { delivery, deadlineMs: Infinity, message, address: undefined };
}
