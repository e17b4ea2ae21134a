/** The broker and the Redis of one run: real ones, of its own, ended with it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const NATIVE = join(import.meta.dirname, '../../deploy/native');

export async function startServers(folder) {
  const [kafka, redis] = await Promise.all([start('kafka.mjs', folder), start('redis.mjs', folder)]);
  return {
    brokers: kafka.facts.brokers,
    redisUrl: redis.facts.url,
    pids: { broker: kafka.facts.pid, redis: redis.facts.pid },
    stop: () => Promise.all([kafka.stop(), redis.stop()]),
  };
}

/** They end when their standard input does, so they outlive nobody. */
async function start(script, folder) {
  const dataDir = join(folder, script.replace(/\.mjs$/, ''));
  mkdirSync(dataDir, { recursive: true });
  const child = spawn(process.execPath, [join(NATIVE, script), '--data', dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const line = once(createInterface(child.stdout), 'line');
  const failed = ended.then(() => Promise.reject(new Error(`deploy/native/${script} ended before it listened`)));
  const [text] = await Promise.race([line, failed]);
  failed.catch(() => undefined);
  return {
    facts: JSON.parse(text),
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}
