import { Inject, Injectable } from '@nestjs/common';
import { EventStore } from '#event-store/event-store';
import { EventStoreUnavailable } from '#event-store/event-store-unavailable';
import { type Folded, FoldedStreams } from '#event-store/folded-streams';
import { type ReadUser, userFold, userStream } from '#keys/user-fold';
import { tombstonedUser, type UserKeys } from '#keys/user-keys';

/**
 * Each remembers its command and the key as that left it: some 500 bytes with a few scopes, so about 25 MB of folded state;
 * with the most scopes that a key can have, 25 times that.
 */
const MAX_CACHED_EVENTS = 50_000;

/** The state of a user as the leader knows it now. Folded state is kept, so that a long stream is read only once. */
@Injectable()
export class UserStreams {
  readonly #streams: FoldedStreams<ReadUser>;

  constructor(@Inject(EventStore) store: EventStore) {
    this.#streams = new FoldedStreams<ReadUser>(store, userFold, { maxEvents: MAX_CACHED_EVENTS });
  }

  /**
   * @throws EventStoreUnavailable also for a stream with an event that a newer version wrote: nothing may be decided on
   *   the rest
   */
  async load(userId: string, deadlineMs: number): Promise<Folded<UserKeys>> {
    const { state, ...folded } = await this.#streams.load(userStream(userId), { deadlineMs });
    if (state.isPartial)
      throw new EventStoreUnavailable('A user’s stream holds an event that this version can’t read.');
    return { ...folded, state: folded.tombstoned ? tombstonedUser() : state.user };
  }
}
