import { describe, expect, it } from '@jest/globals';
import { parseUserDeleted } from './users-deleted.ts';

const parse = (value: unknown) => parseUserDeleted(Buffer.from(JSON.stringify(value)));
const envelope = { specversion: '1.0', id: '1', source: '/people', type: 'com.example.user.deleted' };

describe('a record of users.deleted', () => {
  it('is the user’s id in JSON, or a CloudEvent around it', () => {
    expect(parse({ userId: 'ann' })).toEqual({ userId: 'ann' });
    expect(parse({ ...envelope, data: { userId: 'ann', reason: 'left' } })).toEqual({ userId: 'ann' });
  });

  it('may say more, which is for others', () => {
    expect(parse({ userId: 'ann', at: 'now', email: 'ann@example.com' })).toEqual({ userId: 'ann' });
  });

  it.each([
    ['nothing', null],
    ['no text', Buffer.from([0xff, 0xfe])],
    ['no JSON', Buffer.from('{"userId":')],
    ['a text', Buffer.from('"ann"')],
    ['a list', Buffer.from('[{"userId":"ann"}]')],
    ['null', Buffer.from('null')],
    ['no user', Buffer.from('{"user":"ann"}')],
    ['an empty user', Buffer.from('{"userId":""}')],
    ['a number', Buffer.from('{"userId":7}')],
    ['a control character', Buffer.from('{"userId":"a\\u0000"}')],
    ['a CloudEvent of another version', Buffer.from('{"specversion":"0.3","data":{"userId":"ann"}}')],
    ['a CloudEvent without data', Buffer.from('{"specversion":"1.0","userId":"ann"}')],
    ['a CloudEvent whose data is a text', Buffer.from('{"specversion":"1.0","data":"{\\"userId\\":\\"ann\\"}"}')],
  ])('can’t be acted on where it holds %s, and the reason quotes nothing of it', (_, value) => {
    const parsed = parseUserDeleted(value);
    expect(parsed).toEqual({ reason: expect.any(String) });
    expect(JSON.stringify(parsed)).not.toContain('ann');
  });
});
