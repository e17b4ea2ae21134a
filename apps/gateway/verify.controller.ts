import { All, Controller, HttpCode, Req, Res } from '@nestjs/common';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { HttpProblem } from './http-problem.ts';
import { KeyCredentials, keyMissing } from './key-credentials.ts';
import { tellPosition } from './position-header.ts';
import { readVerifyQuery } from './verify-query.ts';

/** Proxies refuse an answer whose headers are larger than a few kB. */
const MAX_SCOPES_HEADER_BYTES = 4 * 1024;

/**
 * Forward authentication for reverse proxies, which ask with whatever method the guarded request has. 200, 401 and 403
 * are verdicts on the key; everything else is not, and a proxy must then refuse without blaming the key.
 */
@Controller('verify')
export class VerifyController {
  constructor(private readonly keys: KeyCredentials) {}

  @All()
  @HttpCode(200)
  async verify(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const credential = this.keys.take(request);
    if (credential === undefined) throw keyMissing();
    const query = readVerifyQuery(request.query);
    const isBadQuery = query instanceof HttpProblem;
    // What is wrong with the question is told only to holders of a good key.
    const key = await this.keys.verify(credential, isBadQuery ? {} : query);
    if (isBadQuery) throw query;
    tellPosition(reply, key.position);
    const scopes = key.scopes.map((scope) => headerText(scope).replaceAll(',', '%2C')).join(',');
    reply.headers({
      'x-latchkey-user': headerText(key.userId),
      'x-latchkey-key-id': headerText(key.keyId),
      ...(scopes.length <= MAX_SCOPES_HEADER_BYTES && { 'x-latchkey-scopes': scopes }),
    });
    return { user_id: key.userId, key_id: key.keyId, scopes: key.scopes };
  }
}

/**
 * What is stored, as a header can carry it: whatever is not visible ASCII, and `%`, percent-encoded as UTF-8. Throws at
 * half a surrogate pair, which UTF-8 has no bytes for: two users must not become one.
 */
function headerText(text: string): string {
  return text.replace(/[^\x21-\x7e]|%/gu, encodeURIComponent);
}
