/**
 * The heart alone, without any transport: value → shape → hash → lookup → scopes, on a million keys, in memory and in a
 * real Redis. Beside it, in the same run, what people would pick otherwise: `@better-auth/api-key` with SQLite and in
 * memory, with a thousand keys. Arms are processes that are measured in turn, round after round; the table shows medians.
 * CPU is per verification: that of the asking process, and that of Redis.
 *
 *   npm run bench -- verify-core [--keys 1000000] [--rounds 5] [--ms 2000]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startRedis } from './support/redis.mjs';
import { median, startArm } from './verify-core/load.mjs';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    keys: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '2000' },
  },
});
const CONCURRENCY = [1, 64, 512];
const folder = join(import.meta.dirname, 'verify-core');
const rivals = join(folder, 'rivals');
if (!existsSync(join(rivals, 'node_modules'))) {
  process.stderr.write('Installing what it is compared with (once; it compiles SQLite) …\n');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: rivals,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) process.exit(1);
}

const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
const redis = await startRedis();
const arms = [
  await startArm('ours, in memory', join(folder, 'ours.mjs'), ['memory', '', values.keys]),
  ...(redis === undefined
    ? []
    : [await startArm('ours, Redis', join(folder, 'ours.mjs'), ['redis', redis.url, values.keys])]),
  await startArm('better-auth, in memory', join(rivals, 'better-auth.mjs'), ['memory', dataDir]),
  await startArm('better-auth, SQLite', join(rivals, 'better-auth.mjs'), ['sqlite', dataDir]),
];
const results = new Map();
for (let round = 0; round < Number(values.rounds); round++) {
  for (const concurrency of CONCURRENCY) {
    for (const arm of arms) {
      const name = `${arm.name} ${concurrency}`;
      const result = { arm: arm.name, concurrency, ...(await arm.measure(concurrency, Number(values.ms))) };
      results.set(name, [...(results.get(name) ?? []), result]);
    }
  }
}
console.table(
  [...results.values()].map((rounds) => {
    const of = (figure, digits) => Number(median(rounds.map((round) => round[figure])).toFixed(digits));
    return {
      arm: rounds[0].arm,
      'at a time': rounds[0].concurrency,
      'per second': of('rate', 0),
      'p50 ms': of('p50', 3),
      'p99 ms': of('p99', 3),
      'CPU µs': of('cpuUs', 1),
      'Redis CPU µs': of('serverUs', 1),
    };
  }),
);
for (const arm of arms) arm.stop();
await redis?.stop();
rmSync(dataDir, { recursive: true, force: true });
