import { createHash, timingSafeEqual } from 'node:crypto';
import { userIdSchema } from '#contracts/fields';
import { unauthenticated } from './http-problem.ts';

const CHALLENGE = 'Basic realm="Latchkey", charset="UTF-8"';
const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Development's sign-in: HTTP Basic (RFC 7617, UTF-8) with any user name, which is the user's id, and one token. */
export class DevelopmentSignIn {
  readonly #tokenDigest: Buffer;

  constructor(token: string) {
    this.#tokenDigest = digest(token);
  }

  /** The user's id. Throws 401 with the challenge where there are no credentials of this scheme, or not the right ones. */
  identify(authorization: string | undefined): string {
    if (authorization === undefined || !/^Basic\b/i.test(authorization)) throw notAuthenticated();
    const credentials = decodeBasic(authorization);
    const colon = credentials?.indexOf(':') ?? -1;
    if (credentials === undefined || colon < 0) throw failed();
    const isToken = timingSafeEqual(digest(credentials.slice(colon + 1)), this.#tokenDigest);
    const userId = userIdSchema.safeParse(credentials.slice(0, colon));
    if (!isToken || !userId.success) throw failed();
    return userId.data;
  }
}

function decodeBasic(authorization: string): string | undefined {
  const encoded = BASIC.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  try {
    return utf8.decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
}

/** Of equal length whatever was sent, so that the comparison takes the same time for every password. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

function notAuthenticated() {
  return unauthenticated('not_authenticated', 'Authentication credentials were not provided.', CHALLENGE);
}

function failed() {
  return unauthenticated('authentication_failed', 'Invalid username/password.', CHALLENGE);
}
