import { describe, expect, it } from '@jest/globals';
import { NEVER, of, throwError, type Observable } from 'rxjs';
import { Requests } from '#client/requests';
import { refusal } from '#contracts/codes';
import { lastUsedRequest } from '#contracts/last-use';
import { type RequestRecord } from '#runtime/request-record';
import { LastUseReader } from './last-uses.ts';

const NOON = '2026-03-01T12:00:00.000Z';
const keys = [
  { userId: 'alice', keyId: 'one', label: 'CI' },
  { userId: 'alice', keyId: 'two', label: 'CI' },
];
const readerOver = (send: (topic: string, record: RequestRecord) => Observable<unknown>) =>
  new LastUseReader(new Requests({ send }));

describe('the last uses of keys', () => {
  it('are asked for in one request, by whose they are alone', async () => {
    const sent: unknown[] = [];
    const reader = readerOver((topic, { request }) => {
      sent.push([topic, request]);
      return of({ results: [NOON, null] });
    });
    expect(await reader.of(keys)).toEqual([NOON, null]);
    const items = keys.map(({ userId, keyId }) => ({ userId, keyId }));
    expect(sent).toEqual([['keys.last-used', { items }]]);
  });

  it('are asked for in as many requests as the contract needs, each of which it takes', async () => {
    const many = Array.from({ length: 1_030 }, (_, n) => ({ userId: 'alice', keyId: `key-${n}` }));
    const timeOf = (keyId: string) => new Date(Number(keyId.slice('key-'.length))).toISOString();
    const sizes: number[] = [];
    const reader = readerOver((_, { request }) => {
      const { items } = lastUsedRequest.parse(request);
      sizes.push(items.length);
      return of({ results: items.map(({ keyId }) => timeOf(keyId)) });
    });
    expect(await reader.of(many)).toEqual(many.map(({ keyId }) => timeOf(keyId)));
    expect(sizes).toEqual([512, 512, 6]);
  });

  it('are unknown where one of several requests is not answered', async () => {
    const many = Array.from({ length: 600 }, (_, n) => ({ userId: 'alice', keyId: `key-${n}` }));
    const reader = readerOver((_, { request }) => {
      const { items } = lastUsedRequest.parse(request);
      return items.length === 512 ? of({ results: items.map(() => NOON) }) : of(refusal('UNAVAILABLE', 'away'));
    });
    expect(await reader.of(many)).toBe('unknown');
  });

  it('are not asked for where there are no keys', async () => {
    expect(await readerOver(() => throwError(() => new Error('asked'))).of([])).toEqual([]);
  });

  it.each([
    ['nobody is there', throwError(() => new Error('away'))],
    ['it is refused', of(refusal('UNAVAILABLE', 'away'))],
    ['the answer is of another kind', of({ ok: true })],
    ['the answer is of other keys', of({ results: [NOON] })],
  ])('are unknown where %s', async (_, answer) => {
    expect(await readerOver(() => answer).of(keys)).toBe('unknown');
  });

  it('are unknown after a second in which nobody answers', async () => {
    expect(await readerOver(() => NEVER).of(keys)).toBe('unknown');
  });
});
