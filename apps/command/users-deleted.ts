import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { parseUserDeleted } from '#contracts/users-deleted';
import { type EventOutcome, type EventRecord } from '#kafka-rpc/event-consumer';
import { DeleteUser } from './delete-user.ts';
import { UserStreams } from './user-streams.ts';

/** Of one attempt at the log; the record itself has no deadline and is tried for ever. */
const ATTEMPT_MS = 10_000;

/**
 * The other way in which a user's deletion arrives: as a fact on the topic `users.deleted`. The command's id follows from
 * where the record is, so a record that comes again is the same command; and a user who is deleted already stays so.
 */
@Injectable()
export class UsersDeleted {
  constructor(
    private readonly bus: CommandBus,
    private readonly streams: UserStreams,
  ) {}

  /**
   * Rejects where the log can't be asked, or nothing could be decided now: to be tried again.
   * @param attemptMs how long the log may take to answer
   */
  async handle({ value, partition, offset, atMs }: EventRecord, attemptMs = ATTEMPT_MS): Promise<EventOutcome> {
    const parsed = parseUserDeleted(value);
    if ('reason' in parsed) return { outcome: 'parked', reason: parsed.reason };
    const { userId } = parsed;
    const nowMs = Date.now();
    const deadlineMs = nowMs + attemptMs;
    // With a character that no commandId of a request may have: nobody can take the id away beforehand.
    const request = { commandId: `users.deleted/${partition}/${offset}`, userId };
    // A topic that lets producers date its records may say anything.
    const receivedAtMs = atMs > 0 && atMs < nowMs ? atMs : nowMs;
    const firstRead = await this.streams.load(userId, deadlineMs);
    const reply = await this.bus.execute(new DeleteUser({ request, receivedAtMs, deadlineMs }, firstRead));
    if (!reply.ok) throw new Error(`The user's deletion was not decided: ${reply.code}`);
    return { outcome: 'done' };
  }
}
