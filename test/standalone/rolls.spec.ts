import { aFolder } from '#testing/folders';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EventStoreProcess } from '#testing/event-store-process';
import { KeysApi } from '#testing/keys-api';
import { StandaloneProcess } from '#testing/standalone-process';
import { TcpProxy } from '#testing/tcp-proxy';

/** Two services, each behind a relay of its own that can hold back what the one log answers. */
describe('two rolls whose first reads saw the same hash', () => {
  let log: EventStoreProcess;
  let relays: readonly TcpProxy[];
  let services: readonly StandaloneProcess[];
  const SIGN_IN_TOKEN = 'one-token-for-both-services';

  beforeAll(async () => {
    log = await EventStoreProcess.start(aFolder('rolls'));
    const target = { host: '127.0.0.1', port: log.port };
    relays = [await TcpProxy.open(target), await TcpProxy.open(target)];
    services = await Promise.all(
      relays.map(({ port }) => {
        const EVENTSTORE_URL = `esdb://127.0.0.1:${port}?tls=false`;
        return StandaloneProcess.start(aFolder('rolls'), { EVENTSTORE_URL, SIGN_IN_TOKEN });
      }),
    );
  });
  afterAll(async () => {
    await Promise.all(services.map((service) => service.kill('SIGKILL')));
    await Promise.all(relays.map((relay) => relay.close()));
    await log.kill('SIGKILL');
  });

  it('end with one winner; the other is told 409, and its value never works', async () => {
    const [one, other] = services.map(({ url }) => new KeysApi(url, 'ada', SIGN_IN_TOKEN));
    const { body: key } = await one!.create({ label: 'Contended', scopes: ['*'] });
    expect((await other!.list()).body).toHaveLength(1);

    // Neither service hears from the log until both have asked it and it has answered both.
    for (const relay of relays) relay.withholdReplies();
    const rolls = [one!.roll(key.id), other!.roll(key.id)] as const;
    await Promise.all(relays.map((relay) => relay.withheld('userKeys-ada')));
    relays[0]!.deliverReplies();
    const winner = await rolls[0];
    relays[1]!.deliverReplies();
    const loser = await rolls[1];

    expect(winner.status).toBe(200);
    expect(loser.status).toBe(409);
    expect(loser.body.value ?? null).toBeNull();
    expect((await other!.verify(winner.body.value!, { minPosition: winner.position! })).status).toBe(200);
    expect((await other!.verify(key.value!, { minPosition: winner.position! })).status).toBe(401);
    expect((await one!.get(key.id)).body.last_rolled_at).toBe(winner.body.last_rolled_at);
  });
});
