/**
 * Closed-loop load: so many askers at a time, each asking again as soon as it was answered. An arm of a benchmark is a
 * process of its own that calls `serve`; the script that compares them forks them, and measures them in turn.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';

/** The arm's side. `verify(nth)` rejects where the answer is wrong. Tells the parent that it is ready. */
export function serve(verify, extra = () => ({ serverUs: 0 })) {
  process.on('message', async ({ concurrency, ms }) => process.send(await load(verify, concurrency, ms, extra)));
  process.on('disconnect', () => process.exit());
  process.send('ready');
}

async function load(verify, concurrency, ms, extra) {
  const latencies = [];
  let nth = Math.floor(Math.random() * 1e9);
  const before = await extra();
  const cpu = process.cpuUsage();
  const started = performance.now();
  const until = started + ms;
  const ask = async () => {
    for (let done = 0; performance.now() < until; done++) {
      const at = performance.now();
      await verify(nth++);
      latencies.push(performance.now() - at);
      // An arm that never waits for anything would keep the timers and the other askers out.
      if (done % 256 === 255) await turn();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, ask));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const after = await extra();
  const sorted = Float64Array.from(latencies).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  const count = sorted.length;
  const others = Object.keys(after).map((name) => [name, (after[name] - before[name]) / count]);
  return {
    count,
    rate: count / seconds,
    p50: at(0.5),
    p99: at(0.99),
    cpuUs: (user + system) / count,
    ...Object.fromEntries(others),
  };
}

/** The parent's side: resolves when the arm is ready to be measured. */
export async function startArm(name, file, args = [], execArgv = []) {
  const child = fork(file, args, { execArgv, serialization: 'advanced' });
  const gone = once(child, 'exit').then(() => {
    throw new Error(`The arm ${name} ended.`);
  });
  gone.catch(() => undefined);
  await Promise.race([once(child, 'message'), gone]);
  return {
    name,
    measure: async (concurrency, ms) => {
      child.send({ concurrency, ms });
      const [result] = await Promise.race([once(child, 'message'), gone]);
      return result;
    },
    stop: () => child.disconnect(),
  };
}

export function median(values) {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];
}
