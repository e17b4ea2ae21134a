import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import { anyKafka } from '#testing/kafka-process';
import { KeyTraffic } from '#testing/key-traffic';
import { Random } from '#testing/random';
import { redisServer } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { scaled } from '#testing/scale';
import { ServiceSet } from '#testing/service-set';
import { Witness } from '#testing/witness';

const PEOPLE = 6;
const NAMES = ['command', 'auth', 'projector', 'gateway'] as const;

requires(anyKafka, redisServer)('kill -9 of each service while requests are unanswered', () => {
  let set: ServiceSet;

  beforeAll(async () => {
    set = await ServiceSet.start();
  });
  afterAll(() => set.stop());

  /** Resolves when a change that is made now can be seen, and so all that was made before. */
  async function allIsSeen(userId: string): Promise<void> {
    const api = await set.as(userId);
    let created = await api.create({ label: 'Probe', scopes: ['*'] });
    await eventually(async () => {
      if (created.status !== 201) created = await api.create({ label: 'Probe', scopes: ['*'] });
      return created.status === 201;
    });
    const { position: minPosition, body } = created;
    await eventually(async () => (await api.verify(body.value!, { minPosition: minPosition! })).status === 200);
  }

  it('loses nothing that was acknowledged and does nothing by halves', async () => {
    const seed = Date.now() | 0;
    const random = new Random(seed);
    // The gateway lives while what is behind it dies: it says that it can't tell.
    const unanswered = (status: number) => status === 503;
    const people = Array.from(
      { length: PEOPLE },
      (_, nth) => new Witness(`person-${nth}`, new Random(seed + nth + 1), unanswered),
    );
    const apiOf = ({ userId }: Witness) => set.as(userId);
    const kills: string[] = [];
    let acknowledged = 0;
    // Beside the people, a service that asks over Kafka without a pause.
    const traffic = await KeyTraffic.start({ ...set.connection, withinMs: 4_000 });

    // At the smallest scale, too, each of them dies once.
    for (let cycle = 0; cycle < Math.max(scaled(20), NAMES.length); cycle++) {
      const victim = set.service(NAMES[cycle % NAMES.length]!);
      let untilKill = 1 + random.below(25);
      let killed: Promise<unknown> = Promise.resolve();
      let underWay = 0;
      let atKill = 0;
      let isDead = false;
      let lost = 0;
      const work = people.map(async (person) => {
        const api = await apiOf(person);
        // After the kill each sends once more: what nobody answers, too, must have happened wholly or not at all.
        for (let isLast = false; !isLast;) {
          isLast = isDead;
          underWay += 1;
          const isAnswered = await person.act(api);
          underWay -= 1;
          if (!isAnswered) {
            lost += 1;
            return;
          }
          acknowledged += 1;
          if (--untilKill !== 0) continue;
          atKill = underWay + traffic.underWay;
          isDead = true;
          killed = victim.end('SIGKILL');
        }
      });
      await Promise.all(work);
      await killed;
      kills.push(`${victim.name} ${atKill}/${lost}`);
      await victim.again();
      await allIsSeen(`probe-${cycle}`);
      await Promise.all(people.map(async (person) => person.reconcile(await apiOf(person))));
    }
    await traffic.stop();
    process.stderr.write(
      `seed ${seed}: ${acknowledged} acknowledged; of ${traffic.settled.length} over Kafka ${traffic.failures().length} not answered; under way at each kill / never answered: ${kills.join(', ')}\n`,
    );
    expect(acknowledged).toBeGreaterThan(0);
    expect(traffic.settled.filter(({ outcome, isLate }) => isLate || outcome.startsWith('wrong'))).toEqual([]);
  });
});
