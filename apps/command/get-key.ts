import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { refusal } from '#contracts/codes';
import { type GetKeyReply, type GetKeyRequest } from '#contracts/queries';
import { keyRecord } from '#keys/key-record';
import { getKey } from '#keys/user-keys';
import { type Delivery } from '#runtime/delivery';
import { UserStreams } from './user-streams.ts';

export class GetKey extends Query<GetKeyReply> {
  constructor(readonly delivery: Delivery<GetKeyRequest>) {
    super();
  }
}

@QueryHandler(GetKey)
export class GetKeyHandler implements IQueryHandler<GetKey, GetKeyReply> {
  constructor(private readonly streams: UserStreams) {}

  async execute({ delivery: { request, deadlineMs } }: GetKey): Promise<GetKeyReply> {
    const { state } = await this.streams.load(request.userId, deadlineMs);
    const key = getKey(state, request.keyId);
    if (key === undefined) return refusal('KEY_NOT_FOUND', 'There is no such key.', 'keyId');
    return { ok: true, record: keyRecord(request.userId, key) };
  }
}
