import { type FastifyReply } from 'fastify';

/** On every answer: nothing is cached, nothing is framed, nothing is guessed. */
export const STANDING_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export function setStandingHeaders(reply: FastifyReply): void {
  reply.headers(STANDING_HEADERS).header('x-request-id', reply.request.id);
}

/** Takes back what an answer that came to nothing has set: one of them may be why it could not be sent. */
export function resetHeaders(reply: FastifyReply): void {
  const names = Object.keys(reply.getHeaders()).filter((name) => name !== 'connection');
  for (const name of names) reply.removeHeader(name);
  setStandingHeaders(reply);
}
