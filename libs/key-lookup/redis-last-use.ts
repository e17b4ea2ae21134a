import { Logger } from '@nestjs/common';
import { type KeyOwner } from '#keys/project-key';
import { isWorthWriting, type LastUse, lastUseField } from './last-use.ts';
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.ts';
import { script } from './redis-scripts.ts';

const KEY = 'latchkey:last-used';
export class RedisLastUse implements LastUse {
  static async connect(options: RedisConnectionOptions): Promise<RedisLastUse> {
    return new RedisLastUse(await RedisConnection.open(options));
  }
  private constructor(private readonly redis: RedisConnection) {}
  note(keys: readonly KeyOwner[], atMs: number): void {}
  async read(keys: readonly KeyOwner[]): Promise<readonly (number | undefined)[]> { return keys.map(() => undefined); }
  close(): void { this.redis.close(); }
}
