import { randomUUID } from 'node:crypto';
import { type IncomingMessage } from 'node:http';
import { type Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { assertLocal } from './browser-defence.ts';
import { HttpProblem, invalidRequest, notFound } from './http-problem.ts';
import { parseJsonBody, refuseOtherBody } from './json-body.ts';
import { internalError, problemOfError, problemOfStatus } from './problem-of-error.ts';
import { sendProblem } from './problem.filter.ts';
import { RouteTable } from './route-table.ts';

const MAX_BODY_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;

/** On every answer: nothing is cached, nothing is framed, nothing is guessed. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Fastify as the gateway needs it, before Nest puts its routes in: limits, bodies, and the answers to what no controller
 * ever sees. Hooks are added here, first, so that they hold for every route and for none.
 */
export function createHttpAdapter(): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Node would refuse a request without a Host itself, and not in the envelope.
    http: { maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false },
    genReqId: () => randomUUID(),
    // As long as a whole request line may be: an over-long id is an unknown key, not another kind of error.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_HEADER_BYTES },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      prepareReply(request, reply);
      sendProblem(reply, problemOfError(error) ?? internalError());
    },
    clientErrorHandler: answerUnreadable,
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  const routes = new RouteTable();
  // Some clients send a GET with a body; the key may be in it.
  fastify.addHttpMethod('GET', { hasBody: true, overrideExisting: true });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    settle(done, () => parseJsonBody(body));
  });
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    settle(done, () => refuseOtherBody(body));
  });
  fastify.addHook('onRoute', (route) => routes.add(route.method, route.url));
  fastify.addHook('onRequest', (request, reply, done) => {
    prepareReply(request, reply);
    settle(
      (error) => (error === null ? done() : done(error)),
      () => {
        if (request.raw.headers.host === undefined) throw problemOfStatus(400) ?? internalError();
        assertLocal(request);
        if (request.is404) throw unrouted(request, routes);
        ignoreTypeOfNothing(request.raw);
      },
    );
  });
  let isClosing = false;
  fastify.addHook('preClose', (done) => {
    isClosing = true;
    done();
  });
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    // Kept alive, the connection of a request that was under way would hold the server's end up for a minute.
    if (isClosing) reply.header('connection', 'close');
    // Fastify would close at once, and the reset would overtake the answer: what is left of the body is read and dropped.
    if (reply.statusCode === 413) reply.removeHeader('connection');
    done(null, payload);
  });
  return adapter;
}

function prepareReply(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(HEADERS).header('x-request-id', request.id);
}

/** Without a body the content type says nothing, however odd. */
function ignoreTypeOfNothing({ headers }: IncomingMessage): void {
  const length = headers['content-length'] ?? '0';
  if (length === '0' && headers['transfer-encoding'] === undefined) delete headers['content-type'];
}

function unrouted(request: FastifyRequest, routes: RouteTable): HttpProblem {
  const allowed = routes.methodsOf(request.url);
  if (allowed.length === 0) return notFound();
  const { status, envelope } = invalidRequest(405, 'method_not_allowed', `Method "${request.method}" not allowed.`);
  return new HttpProblem(status, envelope, { allow: allowed.join(', ') });
}

/** What Node's parser could not make a request of. The socket is all there is to answer on. */
function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOfStatus(statusOfParserError(error.code)) ?? internalError();
  const body = JSON.stringify(problem.envelope);
  const headers = { ...HEADERS, 'content-type': 'application/json; charset=utf-8', connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(
    [`HTTP/1.1 ${problem.status}`, ...lines, `content-length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'),
  );
}

function statusOfParserError(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}

function settle(done: (error: Error | null, body?: unknown) => void, work: () => unknown): void {
  let result: unknown;
  try {
    result = work();
  } catch (error) {
    done(error as Error);
    return;
  }
  done(null, result);
}
