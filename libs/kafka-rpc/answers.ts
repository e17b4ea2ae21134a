import { type Message } from 'kafkajs';
import { MAX_MESSAGE_BYTES, type Outbox } from './outbox.ts';
import { encodeValue, errorMessage, REPLY_TOO_LARGE, type ReplyAddress, replyMessage } from './wire.ts';

/** One record of a batch: what is to become of it, where its reply goes, and until when anybody waits for it. */
export interface Answerable {
  readonly address: ReplyAddress | undefined;
  /** Infinity for an event. */
  readonly deadlineMs: number;
}

/**
 * The answers to records that were taken together. Each is over when its last reply is written, or can't be, or nobody
 * waits for it any more; so all of them are over at the latest when the last deadline is.
 */
export class Answers {
  readonly #outbox: Outbox;
  readonly #records: readonly Answerable[];
  readonly #isOver: boolean[];
  readonly #onOver: (() => void)[];
  readonly #onOneOver = new Map<number, () => void>();
  #open: number;
  #unwritten = 0;
  #onWritten: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `onOver` is called once, when the last one is over. */
  constructor(outbox: Outbox, records: readonly Answerable[], onOver: () => void) {
    this.#outbox = outbox;
    this.#records = records;
    this.#isOver = new Array<boolean>(records.length).fill(false);
    this.#open = records.length;
    this.#onOver = [onOver];
    const untilMs = Math.max(...records.map(({ deadlineMs }) => deadlineMs));
    if (Number.isFinite(untilMs)) this.#timer = setTimeout(() => this.giveUp(), Math.max(0, untilMs - Date.now()));
  }

  isOver(index: number): boolean {
    return this.#isOver[index] === true;
  }

  /** Nothing will be answered. */
  end(index: number): void {
    if (this.#isOver[index] !== false) return;
    this.#isOver[index] = true;
    this.#open -= 1;
    this.#onOneOver.get(index)?.();
    if (this.#open > 0) return;
    clearTimeout(this.#timer);
    for (const tell of this.#onOver.splice(0)) tell();
    this.#wake();
  }

  /** Calls back when all are over, or the one is. */
  whenOver(tell: () => void, index?: number): void {
    if (index === undefined) this.#onOver.push(tell);
    else this.#onOneOver.set(index, tell);
  }

  /** Ends what is still open, whatever is under way for it. */
  giveUp(): void {
    for (const index of this.#records.keys()) this.end(index);
  }

  reply(index: number, value: unknown, isLast: boolean, errorOf: (fault: unknown) => unknown): void {
    const address = this.#records[index]?.address;
    if (address === undefined) {
      if (isLast) this.end(index);
      return;
    }
    let message: Message;
    try {
      const encoded = encodeValue(value);
      if (encoded !== null && Buffer.byteLength(encoded) > MAX_MESSAGE_BYTES) {
        this.error(index, REPLY_TOO_LARGE);
        return;
      }
      message = replyMessage(address.correlationId, encoded, isLast);
    } catch (fault) {
      this.error(index, errorOf(fault));
      return;
    }
    this.#write(index, address, message, isLast);
  }

  error(index: number, error: unknown): void {
    const address = this.#records[index]?.address;
    if (address === undefined) {
      this.end(index);
      return;
    }
    const text = typeof error === 'string' ? error : JSON.stringify(error);
    const fits = Buffer.byteLength(text) <= MAX_MESSAGE_BYTES;
    this.#write(
      index,
      address,
      errorMessage(address.correlationId, fits ? text : JSON.stringify(REPLY_TOO_LARGE)),
      true,
    );
  }

  /** Resolves when every reply that was given so far is written, or nobody waits for it any more. */
  async written(): Promise<void> {
    while (this.#unwritten > 0 && this.#open > 0) {
      await new Promise<void>((resolve) => this.#onWritten.push(resolve));
    }
  }

  #write(index: number, address: ReplyAddress, message: Message, isLast: boolean): void {
    if (this.isOver(index)) return;
    this.#unwritten += 1;
    const { topic, partition } = address;
    this.#outbox.add({
      topic,
      message: partition === undefined ? message : { ...message, partition },
      deadlineMs: this.#records[index]?.deadlineMs ?? 0,
      settle: () => {
        this.#unwritten -= 1;
        if (isLast) this.end(index);
        if (this.#unwritten === 0) this.#wake();
      },
    });
  }

  #wake(): void {
    for (const resolve of this.#onWritten.splice(0)) resolve();
  }
}
