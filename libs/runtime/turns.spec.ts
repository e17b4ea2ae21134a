import { describe, expect, it } from '@jest/globals';
import { Turns } from './turns.ts';

/** Work that ends when it is told to. */
function held() {
  let release: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (release = resolve));
  return { done, release };
}

describe('turns', () => {
  it('lets work for one name happen in order of arrival, and tells who had to wait', async () => {
    const turns = new Turns();
    const first = held();
    const log: string[] = [];
    const one = turns.run('ada', async (waited) => {
      await first.done;
      log.push(`one ${waited}`);
    });
    const two = turns.run('ada', (waited) => Promise.resolve(log.push(`two ${waited}`)));
    first.release();
    await Promise.all([one, two]);
    expect(log).toEqual(['one false', 'two true']);
  });

  it('does not hold one name up for another', async () => {
    const turns = new Turns();
    const never = held();
    const stuck = turns.run('ada', () => never.done);
    await expect(turns.run('bob', (waited) => Promise.resolve(waited))).resolves.toBe(false);
    never.release();
    await stuck;
  });

  it('goes on after a failure, which is told to its own caller alone', async () => {
    const turns = new Turns();
    const failing = turns.run('ada', () => Promise.reject(new Error('mine')));
    const next = turns.run('ada', () => Promise.resolve('fine'));
    await expect(failing).rejects.toThrow('mine');
    await expect(next).resolves.toBe('fine');
  });

  it('forgets a name when nobody waits', async () => {
    const turns = new Turns();
    await turns.run('ada', () => Promise.resolve());
    await expect(turns.run('ada', (waited) => Promise.resolve(waited))).resolves.toBe(false);
  });
});
