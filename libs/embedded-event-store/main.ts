import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { EmbeddedEventStore } from './embedded-event-store.ts';

/*
 * npm run event-store -- --data DIR [--port 2113] [--host 127.0.0.1] [--tls-certificate FILE --tls-key FILE]
 * The password comes from EVENTSTORE_PASSWORD, since every local user can read a command line.
 */
const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    port: { type: 'string', default: '2113' },
    host: { type: 'string', default: '127.0.0.1' },
    'tls-certificate': { type: 'string' },
    'tls-key': { type: 'string' },
  },
});

try {
  const store = await EmbeddedEventStore.open({
    dataDir: dataDir(),
    host: values.host,
    port: portNumber(),
    tls: tlsFiles(),
    password: process.env['EVENTSTORE_PASSWORD'],
  });
  process.once('SIGTERM', stop).once('SIGINT', stop);
  process.stdout.write(`Event store listening on ${store.url}\n`);

  function stop(): void {
    store.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  }
} catch (error) {
  fail(error);
}

function dataDir(): string {
  if (values.data === undefined) throw new Error('--data DIR is needed: the folder that holds the events');
  return values.data;
}

function portNumber(): number {
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('--port takes a number from 0 to 65535');
  return port;
}

function tlsFiles(): { certificate: Buffer; key: Buffer } | undefined {
  const certificate = values['tls-certificate'];
  const key = values['tls-key'];
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined) throw new Error('--tls-certificate and --tls-key go together');
  return { certificate: readFileSync(certificate), key: readFileSync(key) };
}

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
