/**
 * node deploy/native/redis.mjs --data DIR [--port 0]
 *
 * The machine's redis-server on 127.0.0.1 alone, as the lookup needs it: what it was told lies in its append-only file,
 * and memory that runs short is a fault and never a forgotten key. Prints one line of JSON once it answers
 * ({"url": …, "pid": …, …}) and runs until SIGTERM, SIGINT or the end of a piped standard input.
 */
import { redisIsMissing } from './redis-server.mjs';
import { serve } from './serve.mjs';

await serve({
  name: 'redis',
  missing: redisIsMissing,
  command: ({ dataDir, port }) => {
    const settings = {
      bind: '127.0.0.1',
      port,
      dir: dataDir,
      daemonize: 'no',
      appendonly: 'yes',
      save: '',
      'maxmemory-policy': 'noeviction',
    };
    return ['redis-server', ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])];
  },
  ready: /Ready to accept connections/,
  taken: /Address already in use/,
  facts: (port) => ({ url: `redis://127.0.0.1:${port}` }),
});
