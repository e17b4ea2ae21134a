import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { kafkaServer } from '#testing/kafka-process';
import { Random } from '#testing/random';
import { redisServer } from '#testing/redis-process';
import { requires } from '#testing/requires';
import { scaled } from '#testing/scale';
import { ServiceSet } from '#testing/service-set';
import { Witness } from '#testing/witness';

const PEOPLE = 6;
const NAMES = ['command', 'auth', 'projector', 'gateway'] as const;

requires(kafkaServer, redisServer)('kill -9 of each service while requests are unanswered', () => {
  let set: ServiceSet;

  beforeAll(async () => {
    set = await ServiceSet.start();
  });
  afterAll(() => set.stop());

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
          atKill = underWay;
          isDead = true;
          killed = victim.end('SIGKILL');
        }
      });
      await Promise.all(work);
      await killed;
      kills.push(`${victim.name} ${atKill}/${lost}`);
      await victim.again();
      await Promise.all(people.map(async (person) => person.reconcile(await apiOf(person))));
    }
    process.stderr.write(
      `seed ${seed}: ${acknowledged} acknowledged; under way at each kill / never answered: ${kills.join(', ')}\n`,
    );
    expect(acknowledged).toBeGreaterThan(0);
  });
});
