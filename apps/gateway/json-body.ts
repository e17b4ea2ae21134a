import { problemOfStatus } from './problem-of-error.ts';
import { validationError, type HttpProblem } from './http-problem.ts';

const MAX_DEPTH = 16;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * A request's JSON body. Nothing at all is no body. Throws 400 for what is not JSON in UTF-8, for nesting deeper than any
 * request of ours has, and for names that would change what an object *is* where it is copied (`__proto__`, and
 * `constructor` with a `prototype`).
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  if (bytes.byteLength === 0) return undefined;
  let body: unknown;
  try {
    body = JSON.parse(utf8.decode(bytes)) as unknown;
  } catch {
    // The parser's own message would quote the body, which may hold a key.
    throw malformed();
  }
  assertPlain(body);
  return body;
}

/** Bodies of any other media type: none is fine, whatever the content type says of it. */
export function refuseOtherBody(bytes: Uint8Array): void {
  if (bytes.byteLength > 0) throw problemOfStatus(415) ?? malformed();
}

/** Level by level instead of recursively, so that depth costs no stack. */
function assertPlain(body: unknown): void {
  let level = [body].filter(isObject);
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= MAX_DEPTH) throw malformed();
    if (level.some(isPoisoned)) throw malformed();
    level = level.flatMap((object): unknown[] => Object.values(object)).filter(isObject);
  }
}

function isPoisoned(object: object): boolean {
  if (Object.hasOwn(object, '__proto__')) return true;
  if (!Object.hasOwn(object, 'constructor')) return false;
  const { constructor } = object as { constructor: unknown };
  return isObject(constructor) && Object.hasOwn(constructor, 'prototype');
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function malformed(): HttpProblem {
  return validationError('parse_error', 'JSON parse error.');
}
