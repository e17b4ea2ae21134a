import { type IncomingMessage } from 'node:http';
import { type HttpProblem } from './http-problem.ts';
import { internalError, problemOfStatus } from './problem-of-error.ts';

/**
 * Refuses with 400 what a proxy in front might read in another way than we do: a request line that names a host of its
 * own, another number of Hosts than one (RFC 9112, section 3.2), and a second Authorization, which Node would drop.
 */
export function assertUnambiguous({ url = '', rawHeaders }: IncomingMessage): void {
  const isOurTarget = url.startsWith('/') || url === '*';
  if (!isOurTarget || count(rawHeaders, 'host') !== 1 || count(rawHeaders, 'authorization') > 1) throw malformed();
}

/** Names and values take turns in `rawHeaders`. */
function count(rawHeaders: readonly string[], name: string): number {
  return rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === name).length;
}

function malformed(): HttpProblem {
  return problemOfStatus(400) ?? internalError();
}
