import { createHash } from 'node:crypto';
import { type ScopeCatalogue } from '#contracts/scope-catalogue';
import { deterministicEventId } from '#event-store/event-id';
import { type EventStore } from '#event-store/event-store';
import { FoldedStreams } from '#event-store/folded-streams';
import { type NewEvent } from '#event-store/recorded-event';
import { type KeyEvent } from '#keys/events';
import { type ForeignKey, importKey, isAtLimit } from '#keys/import-key';
import { keyEventMetadata, parseKeyEvent } from '#keys/parse-key-event';
import { type ReadUser, userFold, userStream } from '#keys/user-fold';
import { evolve, tombstonedUser, type UserKeys } from '#keys/user-keys';
import { Turns } from '#runtime/turns';
import { refusedRow, type RowOutcome } from './row-outcome.ts';

/** Keys of one user are usually near each other in the file; what is folded is read again in part only. */
const MAX_CACHED_EVENTS = 20_000;
const MAX_CONFLICTS = 16;
/** In one append; the largest are some 17 kB each, and a server takes 1 MB. */
const MAX_AT_ONCE = 32;

interface Waiting {
  readonly key: ForeignKey;
  readonly resolve: (outcome: RowOutcome) => void;
  readonly reject: (fault: unknown) => void;
}

/** Appends foreign keys, each to its user's stream, at the revision that was decided on. */
export class KeyImporter {
  readonly #streams: FoldedStreams<ReadUser>;
  readonly #turns = new Turns();
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(
    private readonly store: EventStore,
    private readonly scopes: ScopeCatalogue,
  ) {
    this.#streams = new FoldedStreams<ReadUser>(store, userFold, { maxEvents: MAX_CACHED_EVENTS });
  }

  /**
   * Keys that have the same hash go in in the order of the calls, which decides who owns it; and so do those of one user.
   * @throws EventStoreUnavailable; the key may be in then, and the next import finds out
   */
  async import(key: ForeignKey): Promise<RowOutcome> {
    return this.#turns.run(key.hash, () => this.#join(key));
  }

  /** Keys of one user that come while one of them is on its way wait for it, and go together. */
  #join(key: ForeignKey): Promise<RowOutcome> {
    return new Promise((resolve, reject) => {
      const mine: Waiting = { key, resolve, reject };
      const others = this.#waiting.get(key.userId);
      if (others !== undefined) {
        others.push(mine);
        return;
      }
      const waiting = [mine];
      this.#waiting.set(key.userId, waiting);
      void this.#work(key.userId, waiting);
    });
  }

  async #work(userId: string, waiting: Waiting[]): Promise<void> {
    while (waiting.length > 0) {
      try {
        const outcomes = await this.#attempt(userId, waiting);
        for (const outcome of outcomes) waiting.shift()?.resolve(outcome);
      } catch (error) {
        for (const { reject } of waiting.splice(0)) reject(error);
      }
    }
    this.#waiting.delete(userId);
  }

  /** The outcomes of the first of those that wait, one at least. */
  async #attempt(userId: string, waiting: readonly Waiting[]): Promise<RowOutcome[]> {
    const stream = userStream(userId);
    let atOnce = MAX_AT_ONCE;
    for (let conflicts = 0; conflicts < MAX_CONFLICTS;) {
      const { state, revision, tombstoned } = await this.#streams.load(stream);
      const keys = waiting.slice(0, atOnce).map(({ key }) => key);
      if (state.isPartial) return keys.map(() => UNREADABLE_USER);
      const { outcomes, events } = this.#decide(tombstoned ? tombstonedUser() : state.user, keys);
      if (events.length === 0) return outcomes;
      const { outcome } = await this.store.append(stream, revision, events);
      if (outcome === 'appended') return outcomes;
      if (outcome === 'too-large' && atOnce === 1) return [TOO_LARGE];
      if (outcome === 'too-large') atOnce = 1;
      else conflicts += 1;
    }
    return [CONTENDED];
  }

  /** Each on what the ones before it make of the user. */
  #decide(user: UserKeys, keys: readonly ForeignKey[]): { outcomes: RowOutcome[]; events: NewEvent[] } {
    const events: NewEvent[] = [];
    const outcomes = keys.map((key): RowOutcome => {
      const decision = importKey(user, key, this.scopes);
      if ('refused' in decision) return refusedRow(decision.refused, decision.message);
      if (decision.events.length === 0) return { outcome: 'already-there' };
      const isBeyondLimit = isAtLimit(user);
      const appended = newEvents(key, decision.events);
      if (!appended.every(isReadable)) return UNREADABLE_KEY;
      events.push(...appended);
      for (const event of decision.events) user = evolve(user, { event, position: 0n });
      return { outcome: 'imported', isBeyondLimit, keys: user.keys.size };
    });
    return { outcomes, events };
  }
}

/**
 * The stream's memory of ids is what makes a repetition harmless; command and event ids follow from the row all the same,
 * so that the log shows that it was an import, and a retry of the very append is recognised.
 */
function newEvents(key: ForeignKey, events: readonly KeyEvent[]): NewEvent[] {
  const commandId = `import-${key.keyId}`;
  const digest = createHash('sha256').update(JSON.stringify(key)).digest().subarray(0, 16).toString('base64url');
  return events.map(({ type, data }, index) => ({
    id: deterministicEventId([key.userId, commandId, digest, String(index)]),
    type,
    data: { ...data },
    metadata: { ...keyEventMetadata(type, { commandId, digest }) },
  }));
}

/** One event that can't be read back makes its user's stream unreadable for ever. */
function isReadable({ type, data, metadata }: NewEvent): boolean {
  return parseKeyEvent(type, data, metadata).outcome === 'event';
}

const UNREADABLE_KEY = refusedRow('INVALID_ROW', 'would be an event that can’t be read back');
const UNREADABLE_USER = refusedRow('UNREADABLE_USER', 'The user’s stream holds an event that this version can’t read.');
const CONTENDED = refusedRow('CONTENDED', 'Too many others changed this user at the same time; import it again.');
const TOO_LARGE = refusedRow('TOO_LARGE', 'The key is larger than the event store takes.');
