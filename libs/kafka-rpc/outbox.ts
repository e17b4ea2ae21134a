import { Logger } from '@nestjs/common';
import { type Kafka, type Producer } from 'kafkajs';
import { FailedLane } from './failed-lane.ts';
import { RETRY } from './kafka-connection.ts';
import { byTopic, grouped, laneOf, type Outgoing, OutgoingQueue, sizeOf } from './outgoing.ts';
import { onePartitionPerSend } from './partitioner.ts';

/** The largest message that any broker with its defaults takes, less what surrounds it. */
export const MAX_MESSAGE_BYTES = 900_000;
/** So many waiting messages are worth a second request beside the one under way. */
const SECOND_AT = 128;

/**
 * Writes messages in few, full produce requests: all that were given in one turn of the event loop go together, and what
 * comes while a request is under way waits for it, for the broker serves one at a time on a connection and each costs as
 * much as many messages. Bounded in messages and bytes per request.
 *
 * What Kafka doesn't take now is tried again until its deadline; what it never will take fails alone. After a failure each
 * topic, and each partition that is named, goes its own way until it has nothing left (FailedLane), so that one without a
 * leader holds up no other.
 */
export class Outbox {
  readonly #producer: Producer;
  readonly #logger = new Logger('KafkaOutbox');
  readonly #waiting = new OutgoingQueue();
  readonly #failed = new Map<string, FailedLane>();
  #bytes = 0;
  #sending = 0;
  #isScheduled = false;

  constructor(kafka: Kafka) {
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      // An idempotent producer sends one request at a time, and what is doubled here is recognised by whoever gets it.
      idempotent: false,
      createPartitioner: onePartitionPerSend,
      retry: { ...RETRY, retries: 3 },
    });
  }

  get producer(): Producer {
    return this.#producer;
  }

  /** What the messages take that are not settled, waiting or under way; about. */
  get bytes(): number {
    return this.#bytes;
  }

  connect(): Promise<void> {
    return this.#producer.connect();
  }

  disconnect(): Promise<void> {
    return this.#producer.disconnect();
  }

  add(outgoing: Outgoing): void {
    const bytes = sizeOf(outgoing);
    this.#bytes += bytes;
    const counted: Outgoing = {
      ...outgoing,
      settle: (error) => {
        this.#bytes -= bytes;
        outgoing.settle(error);
      },
    };
    const lane = this.#failed.get(laneOf(outgoing));
    if (lane !== undefined) {
      lane.add(counted);
      return;
    }
    this.#waiting.add(counted);
    this.#schedule();
  }

  /** Settles what waits and is past its deadline or wanted by nobody: while a request hangs nothing else does. */
  prune(): void {
    this.#waiting.prune();
    for (const lane of this.#failed.values()) lane.prune();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#mayWrite()) {
      const batch = this.#waiting.take();
      if (batch.length > 0) void this.#write(batch);
    }
  }

  #mayWrite(): boolean {
    return this.#sending === 0 || (this.#sending === 1 && this.#waiting.length >= SECOND_AT);
  }

  async #write(batch: readonly Outgoing[]): Promise<void> {
    this.#sending += 1;
    try {
      await this.#send(batch);
      for (const { settle } of batch) settle();
    } catch (thrown) {
      this.#sendApart(batch, thrown as Error);
    } finally {
      this.#sending -= 1;
    }
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** Acknowledged by the leader alone: a request or a reply that is lost with it is asked for again. */
  async #send(batch: readonly Outgoing[]): Promise<void> {
    await this.#producer.sendBatch({ acks: 1, topicMessages: byTopic(batch) });
  }

  #sendApart(batch: readonly Outgoing[], error: Error): void {
    const lanes = grouped(batch, laneOf);
    if (lanes.size > 1) this.#warn(batch.length, error);
    // Of several it is not known whose failure it was.
    for (const [name, own] of lanes) this.#laneFor(name).start(own, lanes.size === 1 ? error : undefined);
  }

  #laneFor(name: string): FailedLane {
    let lane = this.#failed.get(name);
    if (lane === undefined) {
      lane = new FailedLane({
        write: (batch) => this.#send(batch),
        onFailure: (count, error) => this.#warn(count, error),
        onEmpty: () => this.#failed.delete(name),
      });
      this.#failed.set(name, lane);
    }
    return lane;
  }

  #warn(count: number, error: Error): void {
    this.#logger.warn(`${count} messages were not written: ${error.message}`);
  }
}
