import { Command } from 'ioredis';
import { DIGEST_BYTES } from './lookup-field.ts';

/** What HMGET answers: the shard's state, then a record or nothing for each field. */
export type ShardReadReply = readonly [state: Buffer | null, ...records: (Buffer | null)[]];

const FIELD_HEAD = `$${DIGEST_BYTES}\r\n`;

/**
 * `HMGET shard state field …`: a shard's entries and its state at one moment. Encoded here in one piece, which costs a
 * third of what the client's general way does; and it knows which connection it was sent on last, that its answer came by.
 */
export class ShardRead extends Command {
  /** The socket. Undefined: never sent. */
  connection: object | undefined;
  readonly #key: string;
  readonly #fields: readonly string[];

  /** @param key in ASCII @param fields see lookup-field.ts */
  constructor(key: string, fields: readonly string[]) {
    super('hmget', [key, 'state'], { replyEncoding: null });
    this.#key = key;
    this.#fields = fields;
  }

  override toWritable(socket: object): Buffer {
    this.connection = socket;
    const { length: keyBytes } = this.#key;
    let text = `*${this.#fields.length + 3}\r\n$5\r\nhmget\r\n$${keyBytes}\r\n${this.#key}\r\n$5\r\nstate\r\n`;
    // Put together as text and encoded once: a write of its own for each field costs five times as much.
    for (const field of this.#fields) {
      text += `${field.length === DIGEST_BYTES ? FIELD_HEAD : `$${field.length}\r\n`}${field}\r\n`;
    }
    return Buffer.from(text, 'latin1');
  }
}
