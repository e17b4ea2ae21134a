import { stdSerializers } from 'pino';

/** Names under which a secret may travel, in any spelling of a header or a field. */
const SECRET_NAME = /^(?:(?:proxy-)?authorization|(?:set-)?cookie|personal_api_key|value|token|secret|password)$/i;
const MAX_DEPTH = 6;
const MAX_ITEMS = 100;

/**
 * A copy fit for a log: whatever is called like a secret is cut out, errors become their type, message and stack, cycles
 * and great depth end. The second line of defence; the first is not to log such things at all.
 */
export function redact(fields: Record<string, unknown>): Record<string, unknown> {
  return redactObject(fields, 0);
}

function redactObject(object: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]: [string, unknown]) => {
      return [name, SECRET_NAME.test(name) ? '[redacted]' : redactValue(value, depth + 1)];
    }),
  );
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return '[deep]';
  if (value instanceof Error) return redactObject({ ...stdSerializers.err(value) }, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  // Says itself how it reads: dates, and secrets that redact themselves.
  if ('toJSON' in value && typeof value.toJSON === 'function') return value;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => redactValue(item, depth + 1));
  return redactObject(value, depth);
}
