import { Command } from '@nestjs/cqrs';
import { type Topic } from '#contracts/topics';
import { type Folded } from '#event-store/folded-streams';
import { type UserKeys } from '#keys/user-keys';
import { type Delivery } from '#runtime/delivery';

interface UserRequest {
  readonly commandId: string;
  readonly userId: string;
  readonly keyId?: string;
}

/**
 * A command as it was delivered, with the state of its user as it was first read. All commands of one list have had that
 * read before any of them is appended: of two rolls that meet in a list, the second is told that it lost.
 */
export abstract class UserCommand<Request extends UserRequest = UserRequest, Reply = unknown> extends Command<Reply> {
  abstract readonly topic: Topic;
  readonly request: Request;
  /** ISO 8601: the record's time, which is what the command's events are dated with. */
  readonly at: string;
  readonly deadlineMs: number;

  constructor(
    delivery: Delivery<Request>,
    readonly firstRead: Folded<UserKeys>,
  ) {
    super();
    this.request = delivery.request;
    this.at = new Date(delivery.receivedAtMs).toISOString();
    this.deadlineMs = delivery.deadlineMs;
  }

  get userId(): string {
    return this.request.userId;
  }

  get commandId(): string {
    return this.request.commandId;
  }

  get keyId(): string | undefined {
    return this.request.keyId;
  }
}
