import { aFolder } from '#testing/folders';
import { describe, expect, it } from '@jest/globals';
import { KeysApi } from '#testing/keys-api';
import { Random } from '#testing/random';
import { scaled } from '#testing/scale';
import { StandaloneProcess } from '#testing/standalone-process';
import { Witness } from '#testing/witness';

const PEOPLE = 8;

describe('kill -9 while requests are unanswered', () => {
  it('loses nothing that was acknowledged and does nothing by halves', async () => {
    const seed = Date.now() | 0;
    const random = new Random(seed);
    const dataDir = aFolder('kill');
    const people = Array.from({ length: PEOPLE }, (_, nth) => new Witness(`person-${nth}`, new Random(seed + nth + 1)));
    const unanswered: number[] = [];
    let acknowledged = 0;
    let service = await StandaloneProcess.start(dataDir);
    const apiOf = ({ userId }: Witness) => new KeysApi(service.url, userId, service.token);

    for (let cycle = 0; cycle < scaled(50); cycle++) {
      // The kill comes with a randomly chosen acknowledgement, while the others' commands are on their way.
      let untilKill = 1 + random.below(80);
      const work = people.map(async (person) => {
        const api = apiOf(person);
        while (await person.act(api)) {
          acknowledged += 1;
          if (--untilKill === 0) void service.kill('SIGKILL');
        }
      });
      await Promise.all(work);
      unanswered.push(people.length);
      await service.kill('SIGKILL');
      service = await StandaloneProcess.start(dataDir);
      await Promise.all(people.map((person) => person.reconcile(apiOf(person))));
    }
    await service.kill('SIGKILL');
    process.stderr.write(
      `seed ${seed}: ${acknowledged} acknowledged; unanswered at each kill: ${unanswered.join(' ')}\n`,
    );
    expect(acknowledged).toBeGreaterThan(0);
  });
});
