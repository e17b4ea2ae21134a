import { aFolder } from './folders.ts';
import { type Requirement } from './requires.ts';
import { REDIS, ServerContainer } from './servers/container.mjs';
import { howToStart, missing } from './servers/how-to-start.ts';
import { NativeServer } from './servers/native-server.ts';
import { type OwnServer } from './servers/own-server.ts';

export const ownRedis: Requirement = { name: 'Redis to start', missing: () => missing('REDIS') };

export interface OwnRedis extends OwnServer {
  readonly url: string;
}

/** A Redis of the test's own with an append-only file, as `npm run infra` has it: natively or in a container. */
export async function startOwnRedis(): Promise<OwnRedis> {
  const server =
    howToStart('REDIS') === 'native'
      ? await NativeServer.start('redis.mjs', aFolder('redis'))
      : await ServerContainer.start(REDIS);
  return Object.assign(server, { url: `redis://${server.host}:${server.port}` });
}
