import { isIP } from 'node:net';
import { z } from 'zod';

/** Names every variable that is wrong and what it must be; never what it is, which may be a secret. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  constructor(readonly problems: ReadonlyMap<string, string>) {
    super(
      ['These settings are not usable:', ...[...problems].map(([name, problem]) => `  ${name}: ${problem}`)].join('\n'),
    );
  }
}

/**
 * Reads the variables that the schema names, and only those; to be called once, at the start. A variable that is set to
 * nothing counts as unset. Every message of the schema is shown to the operator: write them as "must be …".
 */
export function loadSettings<S extends z.ZodObject>(schema: S, env: NodeJS.ProcessEnv): Readonly<z.output<S>> {
  const names = Object.keys(schema.shape);
  const given = names.filter((name) => Object.hasOwn(env, name) && env[name] !== '');
  const parsed = schema.safeParse(Object.fromEntries(given.map((name) => [name, env[name]])));
  if (parsed.success) return Object.freeze(parsed.data);
  const problems = new Map<string, string>();
  for (const { path, message } of parsed.error.issues) {
    const name = String(path[0] ?? 'settings');
    if (problems.has(name)) continue;
    const problem = withoutValues(message, env, names);
    problems.set(name, given.includes(name) || path.length === 0 ? problem : `is not set; ${problem}`);
  }
  throw new SettingsError(problems);
}

/** A schema may quote what it was given in a message of its own; anything long enough to be a secret stays inside. */
function withoutValues(message: string, env: NodeJS.ProcessEnv, names: readonly string[]): string {
  const quotes = names.some((name) => (env[name] ?? '').length >= SHORTEST_SECRET && message.includes(env[name] ?? ''));
  return quotes ? 'is not valid' : message;
}
const SHORTEST_SECRET = 8;

/** Digits only: no sign, no blanks, no other base. */
export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string(message)
    .regex(/^[0-9]{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

/** 0 asks for any free port. */
export const port = wholeNumber(0, 65_535);

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

/** An address to listen on; IPv6 without brackets. */
export const host = z
  .string('must be an IP address or a host name')
  .refine((value) => isIP(value) !== 0 || HOST_NAME.test(value), 'must be an IP address or a host name');

/** Where a process that serves no HTTP otherwise tells its health; for probes alone, so not beyond this machine by itself. */
export function healthFields(defaultPort: number) {
  return { HEALTH_HOST: host.default('127.0.0.1'), HEALTH_PORT: port.default(defaultPort) };
}

export const folder = z
  .string('must be the path of a folder')
  .refine((value) => !value.includes('\0'), 'must be the path of a folder');

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const logLevel = z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`);
