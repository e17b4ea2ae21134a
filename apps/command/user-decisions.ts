import { Inject, Injectable } from '@nestjs/common';
import { refusal, type Refusal } from '#contracts/codes';
import { deterministicEventId } from '#event-store/event-id';
import { EventStore } from '#event-store/event-store';
import { type Folded } from '#event-store/folded-streams';
import { type NewEvent } from '#event-store/recorded-event';
import { type Decision } from '#keys/decision';
import { type KeyEvent } from '#keys/events';
import { type Key } from '#keys/key';
import { keyEventMetadata } from '#keys/parse-key-event';
import { rememberedCommand } from '#keys/remembered-commands';
import { userStream } from '#keys/user-fold';
import { deletedKeys, getKey, type UserKeys } from '#keys/user-keys';
import { Turns } from '#runtime/turns';
import { payloadDigest } from './payload-digest.ts';
import { type UserCommand } from './user-command.ts';
import { UserStreams } from './user-streams.ts';

/** What a command came to: the key as it left it (undefined after a deletion), at the position of its last event. */
export interface Done {
  readonly ok: true;
  readonly position: bigint;
  readonly key: Key | undefined;
  readonly deletedKeys: readonly string[];
}

/** Conflicts that one command may meet before it is told to come again. Within one process turns keep them rare. */
const MAX_CONFLICTS = 16;

/**
 * Read → fold → decide → append at the revision that was read. Whoever appends second gets a conflict from the log,
 * reads again and decides again; so the limit of ten, roll against roll and create against a user's deletion are decided
 * by the log. Commands of one user take turns within this process, which spares them the conflicts; between processes
 * the log alone decides.
 */
@Injectable()
export class UserDecisions {
  readonly #store: EventStore;
  readonly #streams: UserStreams;
  readonly #turns = new Turns();

  constructor(@Inject(EventStore) store: EventStore, @Inject(UserStreams) streams: UserStreams) {
    this.#store = store;
    this.#streams = streams;
  }

  /**
   * @throws EventStoreUnavailable
   * @param decide is asked again after each conflict; it gets the state of now and that of the command's first read
   */
  async execute(command: UserCommand, decide: (user: UserKeys, first: UserKeys) => Decision): Promise<Done | Refusal> {
    return this.#turns.run(command.userId, (waited) => this.#attempt(command, decide, waited));
  }

  async #attempt(
    command: UserCommand,
    decide: (user: UserKeys, first: UserKeys) => Decision,
    waited: boolean,
  ): Promise<Done | Refusal> {
    const { userId, commandId, deadlineMs } = command;
    if (Date.now() >= deadlineMs) return EXPIRED;
    const digest = payloadDigest(command);
    // Only a command that had to wait knows of appends since its first read.
    let current = waited ? await this.#streams.load(userId, deadlineMs) : command.firstRead;
    for (let conflicts = 0; conflicts < MAX_CONFLICTS;) {
      const remembered = rememberedCommand(current.state, commandId, digest);
      if (remembered?.outcome === 'different') return COMMAND_ID_REUSED;
      if (remembered !== undefined) return { ok: true, ...remembered };
      const decision = decide(current.state, command.firstRead.state);
      if ('refused' in decision) return refusal(decision.refused, decision.message, decision.attr);
      if (decision.events.length === 0) return this.#nothingToChange(command, current);
      if (Date.now() >= deadlineMs) return EXPIRED;
      const events = newEvents(command, digest, decision.events);
      const { outcome } = await this.#store.append(userStream(userId), current.revision, events, { deadlineMs });
      if (outcome === 'too-large') return TOO_LARGE;
      if (outcome !== 'appended') conflicts += 1;
      // After a success, too: the log may have recognised what another process appended for the same command, with that
      // one's times. What is answered is what every retry will be told.
      current = await this.#streams.load(userId, deadlineMs);
    }
    return CONTENDED;
  }

  async #nothingToChange(command: UserCommand, { state, position }: Folded<UserKeys>): Promise<Done> {
    // A tombstone leaves no event to name; whatever there was of this user lies at or before the head.
    const known =
      state.deletion?.position ??
      position?.commit ??
      (await this.#store.readHead({ deadlineMs: command.deadlineMs }))?.commit;
    if (known === undefined) throw new Error('Nothing to change in a stream that holds nothing');
    const key = command.keyId === undefined ? undefined : getKey(state, command.keyId);
    return { ok: true, position: known, key, deletedKeys: deletedKeys(state) };
  }
}

/** Ids follow from the command alone, so that a retry is recognised by the server whichever process sends it. */
function newEvents(command: UserCommand, digest: string, events: readonly KeyEvent[]): NewEvent[] {
  const { userId, commandId } = command;
  const idOf = (index: number) => deterministicEventId([userId, commandId, digest, String(index)]);
  const isUserDeletion = events[0]?.type === 'UserDeleted';
  return events.map(({ type, data }, index) => ({
    id: idOf(index),
    type,
    data: { ...data },
    metadata: {
      ...keyEventMetadata(type, { commandId, digest }),
      // The keys go because the user goes.
      ...(isUserDeletion && index > 0 && { $causationId: idOf(0) }),
    },
  }));
}

const CONTENDED = refusal('UNAVAILABLE', 'Too many others changed this user at the same time.');
const EXPIRED = refusal('EXPIRED', 'The deadline passed before the command was decided.');
const TOO_LARGE = refusal('INVALID_REQUEST', 'The change is larger than the event log takes in one append.');
const COMMAND_ID_REUSED = refusal('CONFLICT', 'This commandId was used for another command.', 'commandId');
