import { type FastifyInstance } from 'fastify';
import { type Logger } from 'pino';

/**
 * One debug line per HTTP request: method, route, status and time. The route is its pattern, not the URL, and neither
 * headers nor bodies are looked at: each may hold a credential.
 */
export function logRequests(fastify: FastifyInstance, logger: Logger): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    logger.debug(
      { method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'HTTP',
    );
    done();
  });
}
