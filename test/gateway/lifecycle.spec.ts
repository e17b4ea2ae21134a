import { afterEach, describe, expect, it } from '@jest/globals';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { pino } from 'pino';
import { Subject, type Observable } from 'rxjs';
import { createGateway } from '#gateway/create-gateway';
import { HealthModule } from '#runtime/health';
import { basic, testSettings } from '#testing/gateway';

/** A transport whose one reply the test gives when it likes. */
class HeldTransport {
  readonly replies = new Subject<unknown>();
  readonly asked = new Promise<void>((resolve) => (this.#onAsked = resolve));
  #onAsked!: () => void;

  send(): Observable<unknown> {
    this.#onAsked();
    return this.replies;
  }
}

let app: NestFastifyApplication | undefined;
afterEach(() => app?.close());

const person = { headers: { authorization: basic('alice') } };
const KEYS = '/api/personal_api_keys/';

describe('the gateway', () => {
  it('answers what is under way before it closes, and takes nothing new', async () => {
    const client = new HeldTransport();
    app = await createGateway({ settings: testSettings(), client, logger: false });
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    const underWay = fetch(`${url}${KEYS}`, person);
    await client.asked;
    const closed = app.close();
    await expect(fetch(url)).rejects.toThrow();
    client.replies.next({ ok: true, records: [] });
    expect((await underWay).status).toBe(200);
    await closed;
  });

  it('serves other modules’ routes under its own rules', async () => {
    const health = HealthModule.register({ live: [], ready: [{ name: 'lookup', isUp: () => false }] });
    app = await createGateway({
      settings: testSettings(),
      client: new HeldTransport(),
      logger: false,
      imports: [health],
    });
    const headers = { host: 'localhost' };
    expect(await app.inject({ url: '/livez', headers })).toMatchObject({ statusCode: 200 });
    const ready = await app.inject({ url: '/readyz', headers });
    expect(ready.statusCode).toBe(503);
    expect(ready.json()).toMatchObject({ details: { lookup: { status: 'down' } } });
    expect(ready.headers['cache-control']).toBe('no-store');
    expect(await app.inject({ url: '/livez', headers: { host: 'evil.example' } })).toMatchObject({ statusCode: 421 });
  });

  it('logs routes, and nothing that was sent', async () => {
    const lines: string[] = [];
    const requestLog = pino({ level: 'debug' }, { write: (line) => lines.push(line) });
    app = await createGateway({ settings: testSettings(), client: new HeldTransport(), logger: false, requestLog });
    const sent = { host: 'localhost', authorization: 'Bearer lkp_a_secret_in_the_header' };
    await app.inject({ method: 'POST', url: `${KEYS}?lkp_secret_in_the_address`, headers: sent });
    await app.inject({
      method: 'POST',
      url: '/verify',
      headers: { host: 'localhost' },
      payload: { personal_api_key: 'lkp_a_secret_in_the_body' },
    });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain(`"route":"/api/personal_api_keys"`);
    expect(lines.join()).not.toContain('secret');
  });
});
