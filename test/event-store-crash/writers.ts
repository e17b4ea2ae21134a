import { NO_STREAM, jsonEvent, type EventStoreDBClient } from '@eventstore/db-client';
import { randomInt, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { lastRevision, type Attempt } from './append-record.ts';

const WRITERS = 16;
const UNANSWERED_EACH = 4;
const EVENTS_MAX = 5;

/** Sixteen writers, a stream each, that send appends of several events without waiting for the answers of the last few. */
export class Writers {
  /** Everything that was ever sent, in the order of each stream. */
  readonly attempts: Attempt[] = [];
  private readonly streams = Array.from({ length: WRITERS }, (_, writer) => ({
    name: `writer${writer}-${randomUUID()}`,
    next: 0n,
  }));

  private readonly answers = new EventEmitter();

  get unanswered(): Attempt[] {
    return this.attempts.filter(({ acknowledged }) => acknowledged === undefined);
  }

  /** Resolves when so many more appends have been answered. */
  async answered(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 1) await once(this.answers, 'answer');
  }

  /**
   * Writes until the server is gone. What it had not answered by then stays unanswered. Resolves only when the client has
   * given up on each of them: the late error of one client's append stream would reject the appends of the next client.
   */
  async writeUntil(client: EventStoreDBClient, gone: Promise<unknown>): Promise<void> {
    const failures: unknown[] = [];
    await Promise.all(
      this.streams.map(async (stream) => {
        const sent = new Set<Promise<void>>();
        // The client keeps the order of its appends only once its one stream to the server is open.
        let depth = 1;
        while (failures.length === 0) {
          const answer = this.send(client, this.begin(stream))
            .catch((error: unknown) => void failures.push(error))
            .then(() => void sent.delete(answer));
          sent.add(answer);
          if (sent.size >= depth) await Promise.race(sent);
          depth = UNANSWERED_EACH;
        }
        await Promise.all(sent);
      }),
    );
    await gone;
    const refused = failures.filter((error) => (error as { type?: string }).type === 'wrong-expected-version');
    if (refused.length > 0) throw new Error(`${refused.length} appends were refused`, { cause: refused[0] });
  }

  /** Sends everything that was not answered once more, with the same ids at the same revisions. */
  async retry(client: EventStoreDBClient): Promise<void> {
    await Promise.all(
      this.streams.map(async ({ name }) => {
        for (const attempt of this.unanswered.filter(({ stream }) => stream === name)) await this.send(client, attempt);
      }),
    );
  }

  private begin(stream: { readonly name: string; next: bigint }): Attempt {
    const ids = Array.from({ length: randomInt(1, EVENTS_MAX + 1) }, () => randomUUID());
    const attempt: Attempt = { stream: stream.name, firstRevision: stream.next, ids };
    stream.next = lastRevision(attempt) + 1n;
    this.attempts.push(attempt);
    return attempt;
  }

  private async send(client: EventStoreDBClient, attempt: Attempt): Promise<void> {
    const { stream, firstRevision, ids } = attempt;
    const events = ids.map((id) => jsonEvent({ id, type: 'Written', data: { filler: 'x'.repeat(randomInt(400)) } }));
    const expectedRevision = firstRevision === 0n ? NO_STREAM : firstRevision - 1n;
    const { nextExpectedRevision, position } = await client.appendToStream(stream, events, { expectedRevision });
    attempt.acknowledged = { revision: nextExpectedRevision, position: position! };
    this.answers.emit('answer');
  }
}
