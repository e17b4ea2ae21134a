import { type FastifyReply } from 'fastify';

/** Where in the log a change, or the verdict on a key, is true: to be given to `/verify` as `minPosition`. */
export function tellPosition(reply: FastifyReply, position: string): void {
  reply.header('x-latchkey-position', position);
}
