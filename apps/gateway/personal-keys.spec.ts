import { describe, expect, it } from '@jest/globals';
import { of, type Observable } from 'rxjs';
import { Requests } from '#client/requests';
import { REFUSAL_CODES, refusal } from '#contracts/codes';
import { sha256Hash } from '#credentials/hash';
import { type RequestRecord } from '#runtime/request-record';
import { PersonalKeys } from './personal-keys.ts';
import { gatewaySettings } from './settings.ts';

const settings = gatewaySettings.parse({ SIGN_IN: 'development', SIGN_IN_TOKEN: 'a-token-of-some-length' });
const record = {
  keyId: 'k-1',
  userId: 'alice',
  label: 'CI',
  description: null,
  scopes: ['a:read'],
  mask: null,
  createdAt: '2026-03-01T12:00:00Z',
  lastRolledAt: null,
  legacy: false,
};
const done = { ok: true, record, records: [record], position: '10', deletedKeys: [] };
const verdict = (code: string) => ({ valid: false, code, position: '10' });

/** Commands get `answer`, `keys.verify` one verdict after the other. */
function keysOver(answer: object, ...verdicts: string[]) {
  const sent: [topic: string, request: Record<string, unknown>][] = [];
  const transport = {
    send(topic: string, { request }: RequestRecord): Observable<unknown> {
      sent.push([topic, request as Record<string, unknown>]);
      return of(topic === 'keys.verify' ? verdict(verdicts.shift() ?? 'NOT_FOUND') : answer);
    },
  };
  return { sent, keys: new PersonalKeys(new Requests(transport), settings) };
}

const actions: readonly [string, (keys: PersonalKeys) => Promise<unknown>][] = [
  ['keys.create', (keys) => keys.create('alice', { label: 'CI', scopes: ['a:read'] }, 'c-1')],
  ['keys.roll', (keys) => keys.roll('alice', 'k-1', 'c-1')],
  ['keys.change', (keys) => keys.change('alice', 'k-1', { label: 'CI' }, 'c-1')],
  ['keys.delete', (keys) => keys.delete('alice', 'k-1', 'c-1')],
  ['users.delete', (keys) => keys.deleteUser('alice', 'c-1')],
];

describe('a change', () => {
  it.each(actions)('%s answers once the whole lookup has it', async (topic, act) => {
    const { sent, keys } = keysOver(done, 'STALE', 'UNAVAILABLE', 'NOT_FOUND');
    expect(await act(keys)).toMatchObject({ position: '10' });
    expect(sent.map(([name]) => name)).toEqual([topic, 'keys.verify', 'keys.verify', 'keys.verify']);
    expect(sent[0]![1]).toMatchObject({ commandId: 'c-1', userId: 'alice' });
    for (const [, request] of sent.slice(1)) expect(request).toEqual({ minPosition: '10' });
  });

  it.each(actions.slice(0, 2))('%s sends the hash of the value that it gives back, never the value', async (_, act) => {
    const { sent, keys } = keysOver(done);
    const { value } = (await act(keys)) as Awaited<ReturnType<PersonalKeys['create']>>;
    expect(sent[0]![1]).toMatchObject({ hash: sha256Hash(value) });
    expect(JSON.stringify(sent)).not.toContain(value.reveal());
  });

  it.each(REFUSAL_CODES.filter((code) => code !== 'UNAVAILABLE'))(
    'that is refused with %s says so in HTTP',
    async (code) => {
      const { sent, keys } = keysOver(refusal(code, 'a service’s own words'));
      const refused = await keys.delete('alice', 'k-1', 'c-1').catch((error: unknown) => error);
      expect(refused).toMatchObject({
        name: 'HttpProblem',
        message: expect.not.stringContaining('own words') as unknown,
      });
      expect(sent).toHaveLength(1);
    },
  );

  it('names the scope that can not be given, and nothing else that a service may have said', async () => {
    for (const [message, detail] of [
      ['Invalid scope: invoice:read', 'Invalid scope: invoice:read'],
      ['Invalid scope: lkp_Secret', 'Invalid scope.'],
      ['must be object:read, object:write or *', 'Invalid scope.'],
    ] as const) {
      const { keys } = keysOver(refusal('INVALID_SCOPE', message, 'scopes'));
      await expect(keys.change('alice', 'k-1', {}, 'c-1')).rejects.toMatchObject({
        status: 400,
        envelope: { type: 'validation_error', code: 'invalid_input', detail, attr: 'scopes' },
      });
    }
  });

  it('of a key whose id no key can have is not even sent', async () => {
    const { sent, keys } = keysOver(done);
    for (const attempt of [
      keys.get('alice', '../k-1'),
      keys.roll('alice', '../k-1', 'c-1'),
      keys.change('alice', '../k-1', {}, 'c-1'),
      keys.delete('alice', '../k-1', 'c-1'),
    ]) {
      await expect(attempt).rejects.toMatchObject({ status: 404 });
    }
    expect(sent).toEqual([]);
  });
});
