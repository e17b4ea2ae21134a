import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Subject } from 'rxjs';
import { createGateway } from '#gateway/create-gateway';
import { basic, testSettings } from '#testing/gateway';

const LIST = `GET /api/personal_api_keys/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${basic('alice')}\r\n\r\n`;
const HALF_A_BODY = 'POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf';
const GARBAGE = 'garbage\r\n\r\n';

let app: NestFastifyApplication | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app?.close();
});

/** A gateway whose services answer when the test says so. */
async function start(options: { closeWithinMs?: number } = {}) {
  const replies = new Subject<unknown>();
  let hasAsked = false;
  const client = { send: () => ((hasAsked = true), replies) };
  const gateway = await createGateway({ settings: testSettings(), client, logger: false, ...options });
  app = gateway;
  await gateway.listen(0, '127.0.0.1');
  const { port } = new URL(await gateway.getUrl());
  return {
    gateway,
    answer: () => replies.next({ ok: true, records: [] }),
    wasAsked: () => until(() => hasAsked),
    /** Sends, and waits until the server has taken the connection. */
    send: async (text: string): Promise<Connected> => {
      const accepted = once(gateway.getHttpServer(), 'connection');
      const socket = connect(Number(port), '127.0.0.1');
      sockets.push(socket);
      const connected = new Connected(socket);
      socket.write(text);
      await accepted;
      return connected;
    },
  };
}

class Connected {
  received = '';
  readonly ended: Promise<unknown>;

  constructor(readonly socket: Socket) {
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => (this.received += bytes.toString()));
    this.ended = new Promise((resolve) => socket.once('close', resolve));
  }

  get statuses(): string[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status!);
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

describe('an end', () => {
  it.each([
    ['has sent nothing', ''],
    ['has sent half a request line', 'GET /ver'],
    ['has sent half a body', HALF_A_BODY],
  ])('does not wait for a connection that %s', async (_, text) => {
    const { gateway, send } = await start({ closeWithinMs: 60_000 });
    const idle = await send(text);
    await gateway.close();
    await idle.ended;
    expect(idle.statuses).toEqual([]);
  });

  it('does not wait for a connection that is kept alive after its answer', async () => {
    const { gateway, send } = await start({ closeWithinMs: 60_000 });
    const idle = await send('GET /verify HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => idle.statuses.length === 1);
    await gateway.close();
    await idle.ended;
  });

  it('waits for what is under way', async () => {
    const { gateway, send, wasAsked, answer } = await start({ closeWithinMs: 60_000 });
    const busy = await send(LIST);
    await wasAsked();
    const closed = gateway.close();
    answer();
    await closed;
    await busy.ended;
    expect(busy.statuses).toEqual(['200']);
  });

  it('waits no longer than its bound', async () => {
    const { gateway, send, wasAsked, answer } = await start({ closeWithinMs: 20 });
    const stuck = await send(LIST);
    await wasAsked();
    await gateway.close();
    await stuck.ended;
    expect(stuck.statuses).toEqual([]);
    answer();
  });
});

describe('what can not be read', () => {
  it('does not take the answer of the request before it', async () => {
    const { send, wasAsked, answer } = await start();
    const mixed = await send(LIST + GARBAGE);
    await wasAsked();
    mixed.socket.write(GARBAGE);
    answer();
    await mixed.ended;
    expect(mixed.statuses).toEqual(['200', '400']);
  });

  it('in a body is answered in the turn of its request', async () => {
    const { send, wasAsked, answer } = await start();
    const chunked = 'POST /verify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n';
    const mixed = await send(LIST + chunked);
    await wasAsked();
    answer();
    await mixed.ended;
    expect(mixed.statuses).toEqual(['200', '400']);
  });

  it('is not answered twice', async () => {
    const { send } = await start();
    const chunked = 'POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
    const answered = await send(chunked);
    await until(() => answered.statuses.length === 1);
    answered.socket.write('xyz\r\n');
    await answered.ended;
    expect(answered.statuses).toEqual(['404']);
  });
});
