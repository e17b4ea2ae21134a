import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { type ListKeysReply, type ListKeysRequest } from '#contracts/queries';
import { keyRecord } from '#keys/key-record';
import { listKeys } from '#keys/user-keys';
import { type Delivery } from '#runtime/delivery';
import { UserStreams } from './user-streams.ts';

/** Answered from the log, not from the lookup: so it is always current. A deleted user has no keys. */
export class ListKeys extends Query<ListKeysReply> {
  constructor(readonly delivery: Delivery<ListKeysRequest>) {
    super();
  }
}

@QueryHandler(ListKeys)
export class ListKeysHandler implements IQueryHandler<ListKeys, ListKeysReply> {
  constructor(private readonly streams: UserStreams) {}

  async execute({ delivery: { request, deadlineMs } }: ListKeys): Promise<ListKeysReply> {
    const { state } = await this.streams.load(request.userId, deadlineMs);
    return { ok: true, records: listKeys(state).map((key) => keyRecord(request.userId, key)) };
  }
}
