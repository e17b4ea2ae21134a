import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/**
 * Runs a module in a process of its own, with `client`, the client as it comes, connected to `url`: for what would take the
 * test's process down or keep it alive. Kills it by its id after `limitMs`; `code` is null then.
 */
export async function withRawClient(url: string, script: string, limitMs: number) {
  const preamble = `
    import { EventStoreDBClient } from '@eventstore/db-client';
    const client = EventStoreDBClient.connectionString(${JSON.stringify(url)});
    const event = (data) => ({ id: crypto.randomUUID(), type: 'Happened', contentType: 'application/json', data });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', preamble + script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  clearTimeout(timer);
  return { code: child.exitCode, stdout, stderr };
}
