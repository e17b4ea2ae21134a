import { aFolder } from '#testing/folders';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KeysApi } from '#testing/keys-api';
import { scaled } from '#testing/scale';
import { StandaloneProcess } from '#testing/standalone-process';

const LIMIT_MESSAGE = 'You can only have 10 personal API keys. Remove an existing key before creating a new one.';
const aKey = (label: string) => ({ label, scopes: ['insight:read'] });

describe('what is decided by the log and not by luck', () => {
  let service: StandaloneProcess;
  const userOf = (userId: string) => new KeysApi(service.url, userId, service.token);

  beforeAll(async () => {
    service = await StandaloneProcess.start(aFolder('races'));
  });
  afterAll(() => service.kill('SIGKILL'));

  it('gives ten keys and ten refusals to 20 creates at once, never an eleventh key', async () => {
    for (let round = 0; round < scaled(200); round++) {
      const user = userOf(`crowd-${round}`);
      const answers = await Promise.all(Array.from({ length: 20 }, (_, nth) => user.create(aKey(`key ${nth}`))));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
      const refused = answers.filter(({ status }) => status !== 201);
      for (const { status, body } of refused) {
        expect({ status, ...body }).toMatchObject({ status: 400, code: 'invalid_input', detail: LIMIT_MESSAGE });
      }
      expect((await user.list()).body).toHaveLength(10);
    }
  });

  it('leaves no living key when creates race the deletion of their user', async () => {
    for (let round = 0; round < scaled(200); round++) {
      const user = userOf(`leaver-${round}`);
      const early = await Promise.all([user.create(aKey('before 1')), user.create(aKey('before 2'))]);
      const creates = Array.from({ length: 8 }, (_, nth) => user.create(aKey(`racing ${nth}`)));
      // The deletion goes off among them: a different number of creates is under way before it each time.
      const deletion = Promise.all(creates.slice(0, round % 8)).then(() => user.deleteUser());
      const [{ status, position }, ...created] = await Promise.all([deletion, ...creates]);
      expect(status).toBe(204);
      expect((await user.list()).body).toEqual([]);
      for (const { body } of [...early, ...created]) {
        if (typeof body.value !== 'string') continue;
        expect((await user.verify(body.value, { minPosition: position! })).status).toBe(401);
      }
    }
  });

  it('refuses each of a user’s ten keys at the position of the deletion', async () => {
    const user = userOf('full');
    const values: string[] = [];
    for (let nth = 0; nth < 10; nth++) values.push((await user.create(aKey(`key ${nth}`))).body.value!);
    for (const value of values) expect((await user.verify(value)).status).toBe(200);
    const { position } = await user.deleteUser();
    for (const value of values) {
      expect((await user.verify(value, { minPosition: position! })).status).toBe(401);
    }
  });
});
