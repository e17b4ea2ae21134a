/**
 * node deploy/native/event-store.mjs --data DIR [--port 0]
 *
 * The embedded event store as a server of its own on 127.0.0.1; needs a build. Prints one line of JSON once it answers
 * ({"url": …, "pid": …, …}) and runs until SIGTERM, SIGINT or the end of a piped standard input.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from './serve.mjs';

const MAIN = join(import.meta.dirname, '../../dist/bin/event-store.js');

await serve({
  name: 'event-store',
  missing: () => (existsSync(MAIN) ? undefined : 'it is not built; npm run build'),
  command: ({ dataDir, port }) => [process.execPath, MAIN, '--data', dataDir, '--port', String(port)],
  ready: /Event store listening on/,
  taken: /EADDRINUSE|is taken/,
  facts: (port) => ({ url: `esdb://127.0.0.1:${port}?tls=false` }),
});
