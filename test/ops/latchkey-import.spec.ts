import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EventStoreProcess } from '#testing/event-store-process';
import { aFolder } from '#testing/folders';
import { KeysApi } from '#testing/keys-api';
import { LatchkeyCommand } from '#testing/latchkey-command';
import { aRow, legacyHashOf, linesOf } from '#testing/posthog-rows';
import { StandaloneProcess } from '#testing/standalone-process';

/** PostHog's vector at 260,000 iterations. */
const VALUE = 'test_key_12345';
const HASH = 'pbkdf2_sha256$260000$posthog_personal_api_key$eeRy21dbVoEzYND0NVLfjXxgNeO67SeBRrwQr6bbhK4=';

describe('latchkey import', () => {
  let log: EventStoreProcess;
  let service: StandaloneProcess;
  let eventStorePort: string;
  let files = 0;

  beforeAll(async () => {
    // Its own event store listens on the port of a log that is no more, so that the test knows it.
    log = await EventStoreProcess.start(aFolder('import'));
    eventStorePort = String(log.port);
    await log.kill('SIGTERM');
    const settings = { EVENTSTORE_PORT: eventStorePort, LEGACY_TEST_ITERATIONS: '1' };
    service = await StandaloneProcess.start(log.dataDir, settings);
  });
  afterAll(() => service.kill('SIGKILL'));

  const env = () => ({ EVENTSTORE_PORT: eventStorePort });
  const api = (userId: string) => new KeysApi(service.url, userId, service.token);
  const aFile = (rows: Parameters<typeof linesOf>[0]) => {
    const file = join(aFolder('rows'), `rows-${(files += 1)}.jsonl`);
    writeFileSync(file, linesOf(rows));
    return file;
  };
  /** Once the lookup has followed. */
  async function verified(value: string): Promise<number> {
    let status = 503;
    while (status === 503) ({ status } = await api('anybody').verify(value));
    return status;
  }
  async function becomes(value: string, status: number): Promise<void> {
    while ((await verified(value)) !== status);
  }

  it('brings a key of 2023 into the standalone that runs, where its value works and is marked as legacy', async () => {
    const file = aFile([aRow({ user_id: 42, id: 'vector', secure_value: HASH })]);
    expect(await LatchkeyCommand.run(['import', file], env())).toEqual({
      code: 0,
      stdout: 'imported 1, already there 0, refused 0\n',
      stderr: '',
    });
    await becomes(VALUE, 200);
    expect((await api('42').list()).body).toMatchObject([{ id: 'vector', is_legacy_hashing: true }]);
    const rolled = await api('42').roll('vector');
    await becomes(VALUE, 401);
    expect((await api('42').list()).body).toMatchObject([{ id: 'vector', is_legacy_hashing: false }]);
    expect(await LatchkeyCommand.run(['import', file], env())).toMatchObject({
      code: 0,
      stdout: 'imported 0, already there 1, refused 0\n',
    });
    expect(await verified(VALUE)).toBe(401);
    expect(await verified(rolled.body.value!)).toBe(200);
  });

  it('takes test data of one iteration from standard input, where it is told to', async () => {
    const rows = linesOf([aRow({ user_id: 43, secure_value: legacyHashOf('phx_of_a_test') })]);
    const refused = await LatchkeyCommand.run(['import', '-'], env(), rows);
    expect(refused).toMatchObject({
      code: 1,
      stderr: 'line 1: refused: secure_value has another count of iterations\n',
    });
    const taken = await LatchkeyCommand.run(['import', '-', '--iterations', '1'], env(), rows);
    expect(taken).toMatchObject({ code: 0, stderr: '' });
    await becomes('phx_of_a_test', 200);
  });

  it('ends with 1 where a row was refused, says which and why, and keeps hashes and values to itself', async () => {
    const open = 'phx_aValueInTheOpen';
    const rows = [
      aRow({ user_id: 44 }),
      { ...aRow({ user_id: 44, secure_value: HASH.replace('260000', '100000') }), value: open },
      aRow({ user_id: 44, secure_value: open }),
      `${JSON.stringify(aRow({ user_id: 44, secure_value: HASH }))}${open}`,
    ];
    const text = await LatchkeyCommand.run(['import', aFile(rows)], env());
    expect(text).toMatchObject({ code: 1, stdout: 'imported 1, already there 0, refused 3\n' });
    expect(text.stderr.trimEnd().split('\n').sort()).toEqual([
      'line 2: refused: secure_value has another count of iterations',
      'line 3: refused: secure_value is in neither of the two formats of a hash',
      'line 4: refused: is no JSON object',
    ]);
    const json = await LatchkeyCommand.run(['import', '--json', aFile(rows)], env());
    expect(json).toMatchObject({ code: 1, stderr: '' });
    const events = json.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string | number>);
    expect(
      events
        .slice(0, -1)
        .map(({ event, line, code }) => `${event} ${line} ${code}`)
        .sort(),
    ).toEqual([2, 3, 4].map((line) => `refused ${line} INVALID_ROW`));
    expect(events.at(-1)).toEqual({
      event: 'end',
      end: 'complete',
      hashesComplete: true,
      rows: 4,
      imported: 0,
      alreadyThere: 1,
      refused: 3,
      beyondLimit: 0,
      sharedHash: 0,
    });
    for (const printed of [text.stdout, text.stderr, json.stdout]) {
      expect(printed).not.toContain(open);
      expect(printed).not.toContain(HASH.slice(-44));
    }
  });

  it('refuses scopes that SCOPES_FILE doesn’t hold, and takes those that it does', async () => {
    const SCOPES_FILE = join(aFolder('scopes'), 'scopes.json');
    writeFileSync(SCOPES_FILE, '{"scopes": ["invoice:read"]}');
    const rows = [aRow({ user_id: 45, scopes: ['invoice:read'] }), aRow({ user_id: 45, scopes: ['insight:read'] })];
    const own = await LatchkeyCommand.run(['import', aFile(rows)], { ...env(), SCOPES_FILE });
    expect(own).toMatchObject({ code: 1, stderr: 'line 2: refused: Invalid scope: insight:read\n' });
  });

  it.each([
    ['no file', ['import'], {}],
    ['a file that is not there', ['import', 'nowhere.jsonl'], {}],
    ['a folder', ['import', '.'], {}],
    ['a count of iterations that nobody has', ['import', '-', '--iterations', '2'], {}],
    ['an option that is none', ['import', '-', '--force'], {}],
    ['a command that is none', ['imprt'], {}],
    ['a bad setting', ['import', '-'], { EVENTSTORE_URL: 'http://user:hunter22@localhost' }],
  ])('ends with 2 before anything is done when given %s', async (_, args, settings: Record<string, string>) => {
    const { code, stdout, stderr } = await LatchkeyCommand.run(args, { ...env(), ...settings });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
    expect(stderr).not.toContain('hunter22');
    expect(stderr).not.toContain('    at ');
  });

  it('ends with 2 and says which event store it can’t reach', async () => {
    const { code, stdout, stderr } = await LatchkeyCommand.run(['import', aFile([aRow()])], { EVENTSTORE_PORT: '1' });
    expect({ code, stdout }).toEqual({ code: 2, stdout: 'imported 0, already there 0, refused 0\n' });
    expect(stderr).toMatch(
      /^Lost the event store at 127\.0\.0\.1:1 \(EVENTSTORE_PORT\): .* run it again to go on\.\n$/,
    );
  });

  it.each([
    ['standard output', 'stdout', ['--json']],
    ['standard error', 'stderr', []],
  ] as const)('ends with 2 once nobody reads its %s any more', async (_, output, options) => {
    const command = LatchkeyCommand.start(['import', '-', ...options], env());
    command.child[output]!.destroy();
    command.child.stdin!.on('error', () => undefined).write('no JSON\n');
    expect(await command.ended).toBe(2);
  });

  it('finishes what is under way on SIGINT, and tells the sums so far, though more input may come', async () => {
    const command = LatchkeyCommand.start(['import', '-', '--json'], env());
    command.child.stdin!.write(linesOf([aRow({ user_id: 46 }), 'no JSON']));
    await command.printed(/"event":"refused","line":2/);
    // The first row may still be on its way; the signal must not lose it.
    command.child.kill('SIGINT');
    expect(await command.ended).toBe(130);
    const end = JSON.parse(command.stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>;
    expect(end).toMatchObject({ event: 'end', end: 'interrupted', rows: 2, imported: 1, refused: 1 });
    expect((await api('46').list()).body).toHaveLength(1);
  });
});
