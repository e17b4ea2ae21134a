/**
 * `npm run bench -- kafka-rpc [--quick] [--arms A,B] [--loads 1,256,1000/s] [--runs N] [--seconds N] [--profile DIR]`
 *
 * What a verification costs over a real Kafka: stock NestJS as its documentation has it, the same tuned as far as its
 * options go, kafkajs alone echoing, and Latchkey. Callers and servers are processes of their own; the handler asks the
 * same Redis with 100,000 keys. The arms take turns on one broker, so that all see the same noise; medians over the runs.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { ARMS } from './kafka-rpc/arms.mjs';
import { fillLookup } from './kafka-rpc/lookup-data.mjs';
import { startServers } from './kafka-rpc/servers.mjs';
import { Session } from './kafka-rpc/session.mjs';
import { nameOf, ratioTable, resultsTable, rowsOf } from './kafka-rpc/table.mjs';

const LOADS = [
  ...[1, 16, 256, 2_048].map((inFlight) => ({ inFlight })),
  // Last: an arm that can't hold the rate ends with a backlog.
  ...[1_000, 20_000].map((perSecond) => ({ perSecond })),
];
const FULL = { rampMs: 500, windowMs: 2_000 };
/** For Java's compiler. */
const WARM_UP_MS = 8_000;
const QUICK = { rampMs: 300, windowMs: 1_000 };

const { values: asked } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== 'kafka-rpc'),
  options: {
    quick: { type: 'boolean', default: false },
    arms: { type: 'string', default: Object.keys(ARMS).join() },
    loads: { type: 'string', default: LOADS.map(shortName).join() },
    runs: { type: 'string' },
    seconds: { type: 'string' },
    profile: { type: 'string' },
  },
});
const arms = chosen(asked.arms, Object.keys(ARMS), (arm) => arm);
const loads = chosen(asked.loads, LOADS, shortName);
const runs = Number(asked.runs ?? (asked.quick ? 1 : 5));
const times = { ...(asked.quick ? QUICK : FULL), ...(asked.seconds && { windowMs: 1_000 * Number(asked.seconds) }) };

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
const servers = await startServers(folder);
const admin = new Kafka({ brokers: servers.brokers, logLevel: logLevel.ERROR }).admin();
await admin.connect();
const lookup = await fillLookup(servers.redisUrl);
const setting = { ...servers, admin, shardKey: lookup.shardKey, execArgv: profiling(asked.profile) };

console.error('Warming the broker up …');
const warmUp = new Session(setting, 'echo', 'bench-warm-up');
await warmUp.start();
await warmUp.measure({ inFlight: 256 }, { rampMs: 0, windowMs: WARM_UP_MS });
await warmUp.end();

const measured = [];
for (let run = 1; run <= runs; run++) {
  for (const arm of arms) {
    const session = new Session(setting, arm, `bench-${run}-${arm}`);
    await session.start();
    for (const load of loads) {
      const result = await session.measure(load, times);
      measured.push({ arm, load: nameOf(load), result });
      const faults = Object.entries(result.errors).map(([name, count]) => `; ${count} × ${name}`);
      console.error(
        `run ${run}, ${arm}, ${nameOf(load)}: ${Math.round(result.perSecond)}/s, p50 ${result.p50.toFixed(2)} ms, ` +
          `CPU ${result.cpu.toFixed(1)} µs${faults.join('')}`,
      );
    }
    await session.end();
  }
}

const order = loads.map(nameOf);
const rows = rowsOf(measured).sort((one, other) => order.indexOf(one.load) - order.indexOf(other.load));
console.log(resultsTable(rows));
for (const against of ['tuned', 'defaults']) printRatios('latchkey', against);
printRatios('tuned', 'echo');

await lookup.stop();
await admin.disconnect();
await servers.stop();
rmSync(folder, { recursive: true });
process.exitCode = rows.some(({ wrong }) => wrong > 0) ? 1 : 0;

function printRatios(arm, against) {
  const table = ratioTable(rows, arm, against);
  if (table !== undefined) console.log(`\n${table}`);
}

function shortName({ inFlight, perSecond }) {
  return inFlight === undefined ? `${perSecond}/s` : String(inFlight);
}

function chosen(text, all, nameOfOne) {
  return text.split(',').map((name) => {
    const found = all.find((one) => nameOfOne(one) === name);
    if (found === undefined) throw new Error(`There is no ${name}; there are ${all.map(nameOfOne).join(', ')}`);
    return found;
  });
}

/** CPU profiles of callers and servers, one file each, to be opened in a browser's developer tools. */
function profiling(profileFolder) {
  if (profileFolder === undefined) return [];
  mkdirSync(profileFolder, { recursive: true });
  return ['--cpu-prof', '--cpu-prof-dir', resolve(profileFolder)];
}
