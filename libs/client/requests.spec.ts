import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { delay, EMPTY, NEVER, Observable, of, throwError } from 'rxjs';
import { refusal } from '#contracts/codes';
import { MAX_DEADLINE_MS } from '#runtime/delivery';
import { RequestExpired } from '#runtime/request-errors';
import { type RequestRecord } from '#runtime/request-record';
import { RequestFault } from './request-fault.ts';
import { Requests } from './requests.ts';

const listed = { ok: true, records: [] };
const deleted = { ok: true, position: '7' };
const unavailable = refusal('UNAVAILABLE', 'not now');
const command = { commandId: 'c-1', userId: 'alice', keyId: 'k-1' };

/** Answers each request with the next of `answers`, the last one for ever; keeps what was sent. */
function transport(...answers: Observable<unknown>[]) {
  const sent: RequestRecord[] = [];
  return {
    sent,
    send(_topic: string, record: RequestRecord): Observable<unknown> {
      sent.push(record);
      return answers[sent.length - 1] ?? answers.at(-1) ?? NEVER;
    },
  };
}

describe('a request', () => {
  it('carries its deadline and gives the reply', async () => {
    const wire = transport(of(listed));
    const deadlineMs = Date.now() + 5_000;
    expect(await new Requests(wire).send('keys.list', { userId: 'alice' }, { deadlineMs })).toEqual(listed);
    expect(wire.sent).toMatchObject([{ request: { userId: 'alice' }, options: { deadlineMs } }]);
  });

  it('may have a deadline far away, which is cut to what any request has', async () => {
    const wire = transport(of(listed).pipe(delay(20)));
    const beforeMs = Date.now();
    const farMs = beforeMs + 2 ** 40;
    expect(await new Requests(wire).send('keys.list', { userId: 'alice' }, { deadlineMs: farMs })).toEqual(listed);
    const sentMs = wire.sent[0]?.options.deadlineMs ?? 0;
    expect(sentMs).toBeGreaterThanOrEqual(beforeMs + MAX_DEADLINE_MS);
    expect(sentMs).toBeLessThanOrEqual(Date.now() + MAX_DEADLINE_MS);
  });

  it('makes a fault of a transport that throws, and lets go of timer and caller', async () => {
    const cause = new Error('broken');
    const requests = new Requests({
      send: () => {
        throw cause;
      },
    });
    const caller = new AbortController();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const asked = requests.send('keys.list', { userId: 'a' }, { signal: caller.signal });
    expect(timers()).toBe(before);
    await expect(asked).rejects.toMatchObject({ name: 'RequestFault', code: 'UNAVAILABLE', cause });
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
  });

  it('gives a refusal as a value', async () => {
    const reply = refusal('KEY_NOT_FOUND', 'no such key');
    const requests = new Requests(transport(of(reply)));
    expect(await requests.send('keys.get', { userId: 'alice', keyId: 'k' })).toEqual(reply);
  });

  it.each([
    ['an error of the transport', throwError(() => new Error('broken')), 'UNAVAILABLE'],
    [
      'an error of the handler',
      throwError(() => ({ status: 'error', message: 'Internal server error' })),
      'UNAVAILABLE',
    ],
    ['an expiry that the transport reports', throwError(() => new RequestExpired()), 'EXPIRED'],
    ['no reply at all', EMPTY, 'UNAVAILABLE'],
    ['silence', NEVER, 'EXPIRED'],
    ['nothing for a reply', of(null), 'UNAVAILABLE'],
    ['a reply of another topic', of({ valid: false, code: 'NOT_FOUND' }), 'UNAVAILABLE'],
    ['a reply without its records', of({ ok: true }), 'UNAVAILABLE'],
    ['a refusal with an unknown code', of({ ok: false, code: 'NEW', message: '' }), 'UNAVAILABLE'],
  ])('makes a fault of %s', async (_, answer, code) => {
    const asked = new Requests(transport(answer)).send('keys.list', { userId: 'a' }, { deadlineMs: Date.now() + 50 });
    await expect(asked).rejects.toMatchObject({ name: 'RequestFault', code });
  });

  it('is not sent once its deadline has passed or its caller has gone', async () => {
    const wire = transport(of(listed));
    const requests = new Requests(wire);
    const late = requests.send('keys.list', { userId: 'a' }, { deadlineMs: Date.now() });
    await expect(late).rejects.toMatchObject({ code: 'EXPIRED' });
    const gone = requests.send('keys.list', { userId: 'a' }, { signal: AbortSignal.abort() });
    await expect(gone).rejects.toMatchObject({ code: 'EXPIRED' });
    expect(wire.sent).toEqual([]);
  });

  it('is given up, and unsubscribed from, when its caller goes', async () => {
    const caller = new AbortController();
    let isSubscribed = false;
    const silence = new Observable(() => {
      isSubscribed = true;
      return () => (isSubscribed = false);
    });
    const asked = new Requests(transport(silence)).send('keys.list', { userId: 'a' }, { signal: caller.signal });
    expect(isSubscribed).toBe(true);
    caller.abort();
    await expect(asked).rejects.toMatchObject({ code: 'EXPIRED' });
    expect(isSubscribed).toBe(false);
  });

  it('does not tell what was in a reply that nobody can vouch for', async () => {
    const asked = new Requests(transport(of({ ok: true, records: 'lkp_secret' }))).send('keys.list', { userId: 'a' });
    const fault = await asked.catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(RequestFault);
    expect(String((fault as RequestFault).stack)).not.toContain('lkp_secret');
  });
});

describe('a command', () => {
  it('is sent again after UNAVAILABLE and after a fault, the very same with the same deadline', async () => {
    const wire = transport(
      of(unavailable),
      throwError(() => new Error('broken')),
      of(deleted),
    );
    expect(await new Requests(wire).command('keys.delete', command)).toEqual(deleted);
    expect(wire.sent).toHaveLength(3);
    expect(new Set(wire.sent.map(({ request }) => JSON.stringify(request)))).toEqual(
      new Set([JSON.stringify(command)]),
    );
    expect(new Set(wire.sent.map(({ options }) => options.deadlineMs)).size).toBe(1);
  });

  it('is not sent again after any other refusal', async () => {
    const reply = refusal('CONFLICT', 'another came first');
    const wire = transport(of(reply));
    expect(await new Requests(wire).command('keys.delete', command)).toEqual(reply);
    expect(wire.sent).toHaveLength(1);
  });

  it('ends after five attempts with what the last one came to', async () => {
    const refused = transport(of(unavailable));
    expect(await new Requests(refused).command('keys.delete', command)).toEqual(unavailable);
    expect(refused.sent).toHaveLength(5);
    const broken = transport(throwError(() => new Error('broken')));
    await expect(new Requests(broken).command('keys.delete', command)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(broken.sent).toHaveLength(5);
  });

  it('is not sent again past its deadline, nor for a caller who has gone', async () => {
    const wire = transport(of(unavailable));
    const requests = new Requests(wire);
    expect(await requests.command('keys.delete', command, { deadlineMs: Date.now() + 20 })).toEqual(unavailable);
    expect(wire.sent).toHaveLength(1);
    const caller = new AbortController();
    const asked = requests.command('keys.delete', command, { signal: caller.signal });
    caller.abort();
    await expect(asked).rejects.toMatchObject({ code: 'EXPIRED' });
  });
});
