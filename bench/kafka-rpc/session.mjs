/** One arm, once: fresh topics, a server, one caller and then three, all loads in turn, and nothing left of it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuUs } from './cpu.mjs';

const PARTITIONS = 8;
const OPEN_LOOP_CALLERS = 3;
/** What every arm is asked before anything is measured, and again together with callers that come later. */
const WARM_UP = [
  { load: { inFlight: 1 }, windowMs: 8_000 },
  { load: { inFlight: 64 }, windowMs: 2_000 },
];

export class Session {
  #setting;
  #options;
  #server;
  #callers = [];

  /** `setting`: { admin, brokers, redisUrl, shardKey, pids: { broker, redis }, execArgv } */
  constructor(setting, arm, name) {
    this.#setting = setting;
    const { brokers, redisUrl, shardKey } = setting;
    // Every arm serves this topic below a prefix of the session's own, so that no session finds another's leftovers.
    const prefix = `${name}.`;
    this.#options = {
      arm,
      prefix,
      topic: `${prefix}keys.verify`,
      group: name,
      partitions: PARTITIONS,
      brokers,
      redisUrl,
      shardKey,
    };
  }

  async start() {
    await createTopics(this.#setting.admin, this.#topics);
    this.#server = await this.#fork('server-process.mjs', 'ready');
    await this.#addCallers(1);
  }

  /** One row of the table. */
  async measure(load, times) {
    if (load.inFlight !== undefined) return this.#run([this.#callers[0]], load, times);
    if (this.#callers.length < OPEN_LOOP_CALLERS) await this.#addCallers(OPEN_LOOP_CALLERS);
    return this.#run(this.#callers, { perSecond: load.perSecond / OPEN_LOOP_CALLERS }, times);
  }

  async end() {
    const processes = [...this.#callers, this.#server].filter((child) => child !== undefined);
    await Promise.all(processes.map(ended));
    await this.#setting.admin.deleteTopics({ topics: this.#topics });
  }

  /** All that the auth service answers; the other arms use those of `keys.verify` alone. */
  get #topics() {
    return ['keys.verify', 'keys.last-used'].flatMap((name) => {
      const topic = this.#options.prefix + name;
      return [topic, `${topic}.reply`];
    });
  }

  async #run(callers, load, { rampMs, windowMs }) {
    for (const caller of callers) caller.send({ kind: 'start', load });
    await delay(rampMs);
    for (const caller of callers) caller.send({ kind: 'open' });
    const [opened, cpuBefore] = [performance.now(), this.#cpu(callers)];
    await delay(windowMs);
    const [closed, cpuAfter] = [performance.now(), this.#cpu(callers)];
    const results = await Promise.all(
      callers.map((caller) => {
        caller.send({ kind: 'close' });
        return said(caller, 'result');
      }),
    );
    return summary(
      results.map(({ result }) => result),
      closed - opened,
      Object.fromEntries(Object.keys(cpuAfter).map((part) => [part, cpuAfter[part] - cpuBefore[part]])),
    );
  }

  #cpu(callers) {
    const sum = (pids) => pids.reduce((total, pid) => total + cpuUs(pid), 0);
    const { broker, redis } = this.#setting.pids;
    return {
      caller: sum(callers.map(({ pid }) => pid)),
      server: sum([this.#server.pid]),
      broker: sum([broker]),
      redis: sum([redis]),
    };
  }

  async #addCallers(count) {
    const more = Array.from({ length: count - this.#callers.length }, () =>
      this.#fork('caller-process.mjs', 'started'),
    );
    this.#callers.push(...(await Promise.all(more)));
    await Promise.all(
      this.#callers.map((caller) => {
        caller.send({ kind: 'probe' });
        return said(caller, 'ready');
      }),
    );
    for (const { load, windowMs } of WARM_UP) await this.#run(this.#callers, load, { rampMs: 0, windowMs });
  }

  async #fork(file, word) {
    const child = fork(join(import.meta.dirname, file), [JSON.stringify(this.#options)], {
      serialization: 'advanced',
      execArgv: this.#setting.execArgv,
      env: { ...process.env, KAFKAJS_NO_PARTITIONER_WARNING: '1' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await said(child, word);
    return child;
  }
}

async function createTopics(admin, names) {
  const topics = names.map((topic) => ({ topic, numPartitions: PARTITIONS, replicationFactor: 1 }));
  // kafkajs' own way of waiting fails where the broker does not know yet what it has just created.
  await admin.createTopics({ topics, waitForLeaders: false });
  for (;;) {
    try {
      const metadata = await admin.fetchTopicMetadata({ topics: names });
      if (metadata.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))) return;
    } catch (error) {
      if (error.retriable !== true) throw error;
    }
    await delay(50);
  }
}

function said(child, kind) {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error(`A process of the benchmark ended before it said ${kind}`));
    const listen = (message) => {
      if (message.kind !== kind) return;
      child.off('message', listen).off('exit', fail);
      resolve(message);
    };
    child.on('message', listen).on('exit', fail);
    if (child.exitCode !== null) fail();
  });
}

/** Closing the channel lets it end by itself, so that a profile is written. */
async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.disconnect();
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exit;
  clearTimeout(late);
}

function summary(results, windowMs, cpu) {
  const latencies = Float64Array.from(results.flatMap((result) => [...result.latencies])).sort();
  const answered = results.reduce((sum, result) => sum + result.answered, 0);
  const errors = {};
  for (const [name, count] of results.flatMap((result) => Object.entries(result.errors))) {
    errors[name] = (errors[name] ?? 0) + count;
  }
  return {
    perSecond: answered / (windowMs / 1_000),
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    p999: quantile(latencies, 0.999),
    ...Object.fromEntries(Object.entries(cpu).map(([part, us]) => [part, us / answered])),
    cpu: Object.values(cpu).reduce((sum, us) => sum + us, 0) / answered,
    wrong: results.reduce((sum, result) => sum + result.wrong, 0),
    errors,
  };
}

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
