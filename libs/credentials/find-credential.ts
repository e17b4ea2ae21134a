import { Secret } from './secret.ts';

/** A key found in a request. `value` is undefined where something other than text stands in the key's place. */
export interface Credential {
  readonly where: 'header' | 'body';
  readonly value: Secret | undefined;
}

/**
 * The first key that a request carries; undefined: none. PostHog's order and rules:
 *
 * 1. The header `Authorization`, matched by `^Bearer\s+(\S.+)$` and stripped. The word is compared exactly, the value has at
 *    least one character and something behind it, and whitespace is space and tab, the only ones that a header can carry
 *    (RFC 9110, 5.5). What does not match (another scheme, no value) counts as no key.
 * 2. `personal_api_key` in the parsed body, as it is: nothing is stripped. Whatever stands there counts as the key.
 *
 * Only the first counts: a bad key in the header is not rescued by a good one in the body.
 */
export function findCredential(request: { authorization: string | undefined; body: unknown }): Credential | undefined {
  return inHeader(request.authorization) ?? inBody(request.body);
}

const BEARER = /^Bearer[ \t]+([^ \t\r\n][^\r\n]+)$/;

function inHeader(authorization: string | undefined): Credential | undefined {
  const text = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
  return text === undefined ? undefined : { where: 'header', value: new Secret(withoutTrailingBlanks(text)) };
}

function inBody(body: unknown): Credential | undefined {
  // Own properties only: `__proto__` in a body must not lend it a key.
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, 'personal_api_key')) return undefined;
  const { personal_api_key: text } = body as { personal_api_key: unknown };
  return { where: 'body', value: typeof text === 'string' ? new Secret(text) : undefined };
}

/** By hand: `/[ \t]+$/` takes quadratic time on a long run of blanks in the middle. */
function withoutTrailingBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(0, end);
}
