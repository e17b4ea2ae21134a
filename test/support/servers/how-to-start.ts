type Name = 'KAFKA' | 'REDIS';

/** As the run's beginning (shared-servers.mjs) found the machine: a spec must know before its first test. */
export function howToStart(server: Name): 'native' | 'container' {
  const how = process.env[`LATCHKEY_START_${server}`];
  if (how === 'native' || how === 'container') return how;
  throw new Error(how ?? 'Not started by Jest with the project’s configuration');
}

/** Why a server can't be started here; undefined where it can. */
export function missing(server: Name): string | undefined {
  const how = process.env[`LATCHKEY_START_${server}`];
  return how === 'native' || how === 'container'
    ? undefined
    : (how ?? 'not started by Jest with the project’s configuration');
}
