import { Inject, Injectable } from '@nestjs/common';
import { EventStore } from '#event-store/event-store';
import { type Folded, FoldedStreams } from '#event-store/folded-streams';
import { type RecordedEvent } from '#event-store/recorded-event';
import { parseKeyEvent } from '#keys/parse-key-event';
import { evolve, noKeys, tombstonedUser, type UserKeys } from '#keys/user-keys';

/** About 500 bytes each, so at most some 100 MB of folded state. */
const MAX_CACHED_EVENTS = 200_000;

export function userStream(userId: string): string {
  return `userKeys-${userId}`;
}

/** The state of a user as the leader knows it now. Folded state is kept, so that a long stream is read only once. */
@Injectable()
export class UserStreams {
  readonly #streams: FoldedStreams<UserKeys>;
  #skipped = 0;

  constructor(@Inject(EventStore) store: EventStore) {
    this.#streams = new FoldedStreams(
      store,
      { initial: noKeys, evolve: (user, recorded) => this.#evolve(user, recorded) },
      { maxEvents: MAX_CACHED_EVENTS },
    );
  }

  /** Stored events that were not ours to read: unknown types, newer versions, malformed data. */
  get skipped(): number {
    return this.#skipped;
  }

  /** @throws EventStoreUnavailable */
  async load(userId: string, deadlineMs: number): Promise<Folded<UserKeys>> {
    const folded = await this.#streams.load(userStream(userId), { deadlineMs });
    return folded.tombstoned ? { ...folded, state: tombstonedUser() } : folded;
  }

  #evolve(user: UserKeys, { type, data, metadata, position }: RecordedEvent): UserKeys {
    const parsed = parseKeyEvent(type, data, metadata);
    if (parsed.outcome === 'event') return evolve(user, { ...parsed, position: position.commit });
    this.#skipped += 1;
    return user;
  }
}
