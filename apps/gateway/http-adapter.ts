import { randomUUID } from 'node:crypto';
import { type IncomingMessage } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { assertLocal } from './browser-defence.ts';
import { Connections } from './connections.ts';
import { HttpProblem, invalidRequest, notFound } from './http-problem.ts';
import { parseJsonBody, refuseOtherBody } from './json-body.ts';
import { internalError, problemOfError } from './problem-of-error.ts';
import { sendProblem } from './problem.filter.ts';
import { RouteTable } from './route-table.ts';
import { setStandingHeaders } from './standing-headers.ts';
import { assertUnambiguous } from './unambiguous.ts';
import { answerUnreadable } from './unreadable.ts';

const MAX_BODY_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const OTHER_TYPE = 'application/octet-stream';

/** Well within what a process gives its parts to stop. */
const CLOSE_WITHIN_MS = 4_000;

export interface HttpAdapterOptions {
  /** How long requests under way may take once the server closes; milliseconds, 4 s by default. */
  readonly closeWithinMs?: number;
}

/**
 * Fastify as the gateway needs it, before Nest puts its routes in: limits, bodies, and the answers to what no controller
 * ever sees. Hooks are added here, first, so that they hold for every route and for none.
 */
export function createHttpAdapter({ closeWithinMs = CLOSE_WITHIN_MS }: HttpAdapterOptions = {}): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Node would refuse a request without a Host itself, and not in the envelope.
    http: { maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false },
    genReqId: () => randomUUID(),
    // As long as a whole request line may be: an over-long id is an unknown key, not another kind of error.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_HEADER_BYTES },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      sendProblem(reply, problemOfError(refusalOf(request) ?? error) ?? internalError());
    },
    clientErrorHandler: (error, socket) => answerUnreadable(error, socket, connections),
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  const connections = new Connections(fastify.server);
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
    setStandingHeaders(reply);
    settle(
      (error) => (error === null ? done() : done(error)),
      () => {
        assertForUs(request);
        if (request.is404) throw unrouted(request, routes);
        ignoreOddType(request.raw);
      },
    );
  });
  let isClosing = false;
  fastify.addHook('preClose', (done) => {
    isClosing = true;
    connections.close(closeWithinMs);
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

function assertForUs(request: FastifyRequest): void {
  assertUnambiguous(request.raw);
  assertLocal(request);
}

/** Where no hook is called: what would have been said before the path was looked at. */
function refusalOf(request: FastifyRequest): unknown {
  try {
    assertForUs(request);
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Fastify would refuse a type that it can't read before it knows whether there is a body at all. */
function ignoreOddType({ headers }: IncomingMessage): void {
  const type = headers['content-type'];
  if (type !== undefined && !/^application\/json\s*(;|$)/i.test(type)) headers['content-type'] = OTHER_TYPE;
}

function unrouted(request: FastifyRequest, routes: RouteTable): HttpProblem {
  const allowed = routes.methodsOf(request.url);
  if (allowed.length === 0) return notFound();
  const { status, envelope } = invalidRequest(405, 'method_not_allowed', `Method "${request.method}" not allowed.`);
  return new HttpProblem(status, envelope, { allow: allowed.join(', ') });
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
