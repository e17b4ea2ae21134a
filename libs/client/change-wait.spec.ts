import { describe, expect, it, jest } from '@jest/globals';
import { NEVER, of, throwError, type Observable } from 'rxjs';
import { waitForChange } from './change-wait.ts';
import { Requests } from './requests.ts';

const reached = of({ valid: false, code: 'NOT_FOUND', position: '10' });
const stale = of({ valid: false, code: 'STALE', position: '9' });
const unavailable = of({ valid: false, code: 'UNAVAILABLE' });

function askedOf(...answers: Observable<unknown>[]) {
  const sent: unknown[] = [];
  const transport = {
    send(_topic: string, record: { request: unknown }): Observable<unknown> {
      sent.push(record.request);
      return answers[sent.length - 1] ?? answers.at(-1) ?? NEVER;
    },
  };
  return { sent, requests: new Requests(transport) };
}

describe('waiting for a change', () => {
  it('asks for the position alone, until the lookup is there', async () => {
    const broken = throwError(() => new Error('broken'));
    const { sent, requests } = askedOf(stale, unavailable, broken, reached);
    expect(await waitForChange(requests, '10')).toBe(true);
    expect(sent).toEqual(Array(4).fill({ minPosition: '10' }));
  });

  it('gives up in time', async () => {
    const { requests } = askedOf(stale);
    const startedMs = performance.now();
    expect(await waitForChange(requests, '10', 50)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });

  it('gives up in time though the clock is set back', async () => {
    const { sent, requests } = askedOf(stale);
    const now = Date.now.bind(Date);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() - (sent.length > 0 ? 10_000 : 0));
    const startedMs = performance.now();
    expect(await waitForChange(requests, '10', 50)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    clock.mockRestore();
  });

  it('does not take a key for an answer', async () => {
    const key = of({ valid: true, keyId: 'k', userId: 'u', scopes: [], position: '10' });
    expect(await waitForChange(askedOf(key).requests, '10', 30)).toBe(false);
  });
});
