import { Controller } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { type GetKeyReply, type GetKeyRequest, type ListKeysReply, type ListKeysRequest } from '#contracts/queries';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { GetKey } from './get-key.ts';
import { ListKeys } from './list-keys.ts';
import { orUnavailable } from './unavailable.ts';

@Controller()
export class QueriesController {
  constructor(private readonly bus: QueryBus) {}

  @MessagePattern('keys.list', { list: true })
  listKeys(@Payload() list: readonly Delivery<ListKeysRequest>[]): ListResult<ListKeysReply> {
    return list.map((delivery) => orUnavailable(this.bus.execute(new ListKeys(delivery))));
  }

  @MessagePattern('keys.get', { list: true })
  getKeys(@Payload() list: readonly Delivery<GetKeyRequest>[]): ListResult<GetKeyReply> {
    return list.map((delivery) => orUnavailable(this.bus.execute(new GetKey(delivery))));
  }
}
