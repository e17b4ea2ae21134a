import { type FastifyReply } from 'fastify';
import { type Changed } from './personal-keys.ts';

/** Where in the log a change, or the verdict on a key, is true: to be given to `/verify` as `minPosition`. */
export function tellPosition(reply: FastifyReply, position: string): void {
  reply.header('x-latchkey-position', position);
}

/** Also tells when the next request may not see the change yet. */
export function tellChange(reply: FastifyReply, { position, isPending }: Changed): void {
  tellPosition(reply, position);
  if (isPending) reply.header('x-latchkey-pending', 'true');
}
