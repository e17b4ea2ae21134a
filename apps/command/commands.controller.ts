import { Controller } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { MessagePattern, Payload } from '@nestjs/microservices';
import {
  type ChangeKeyRequest,
  type CreateKeyRequest,
  type DeleteKeyReply,
  type DeleteKeyRequest,
  type DeleteUserReply,
  type DeleteUserRequest,
  type KeyReply,
  type RollKeyRequest,
} from '#contracts/commands';
import { type Refusal } from '#contracts/codes';
import { type Folded } from '#event-store/folded-streams';
import { type UserKeys } from '#keys/user-keys';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { ChangeKey } from './change-key.ts';
import { CreateKey } from './create-key.ts';
import { DeleteKey } from './delete-key.ts';
import { DeleteUser } from './delete-user.ts';
import { RollKey } from './roll-key.ts';
import { orUnavailable } from './unavailable.ts';
import { type UserCommand } from './user-command.ts';
import { UserStreams } from './user-streams.ts';

/** Requests come as lists, whatever the transport; each is answered as soon as it is decided. */
@Controller()
export class CommandsController {
  constructor(
    private readonly bus: CommandBus,
    private readonly streams: UserStreams,
  ) {}

  @MessagePattern('keys.create', { list: true })
  createKeys(@Payload() list: readonly Delivery<CreateKeyRequest>[]): ListResult<KeyReply> {
    return this.#execute(list, CreateKey);
  }

  @MessagePattern('keys.roll', { list: true })
  rollKeys(@Payload() list: readonly Delivery<RollKeyRequest>[]): ListResult<KeyReply> {
    return this.#execute(list, RollKey);
  }

  @MessagePattern('keys.change', { list: true })
  changeKeys(@Payload() list: readonly Delivery<ChangeKeyRequest>[]): ListResult<KeyReply> {
    return this.#execute(list, ChangeKey);
  }

  @MessagePattern('keys.delete', { list: true })
  deleteKeys(@Payload() list: readonly Delivery<DeleteKeyRequest>[]): ListResult<DeleteKeyReply> {
    return this.#execute(list, DeleteKey);
  }

  @MessagePattern('users.delete', { list: true })
  deleteUsers(@Payload() list: readonly Delivery<DeleteUserRequest>[]): ListResult<DeleteUserReply> {
    return this.#execute(list, DeleteUser);
  }

  /** One read for each user of the list; all of a user's commands go on from that same state. */
  #execute<Request extends UserCommand['request'], Reply>(
    list: readonly Delivery<Request>[],
    Type: new (delivery: Delivery<Request>, firstRead: Folded<UserKeys>) => UserCommand<Request, Reply>,
  ): ListResult<Reply | Refusal> {
    const firstReads = new Map<string, Promise<Folded<UserKeys>>>();
    const deadlineMs = Math.max(...list.map((delivery) => delivery.deadlineMs));
    return list.map((delivery) => {
      const { userId } = delivery.request;
      const firstRead = firstReads.get(userId) ?? this.streams.load(userId, deadlineMs);
      firstReads.set(userId, firstRead);
      return orUnavailable(firstRead.then((folded) => this.bus.execute(new Type(delivery, folded))));
    });
  }
}
