import { type FastifyRequest } from 'fastify';
import { isLoopbackHost } from '#runtime/loopback';
import { invalidRequest, permissionDenied } from './http-problem.ts';

const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * For development, where the sign-in is one token on this machine: answers only what comes from this machine and was
 * addressed to it by name. A web page that rebinds its own name to 127.0.0.1 sends that name as `Host` and gets 421.
 */
export function assertLocal(request: FastifyRequest): void {
  const remoteAddress = request.raw.socket.remoteAddress;
  if (!isLoopbackHost(remoteAddress) || !isLoopbackHost(request.raw.headers.host)) {
    throw invalidRequest(421, 'misdirected_request', 'In development this service answers to localhost only.');
  }
}

/**
 * Against pages of other origins that ride on credentials which the browser remembers (HTTP Basic): what changes
 * something must come from our own pages or from no page at all. Every current browser sends `Sec-Fetch-Site`, and
 * `Origin` on whatever is not a plain read; other clients send neither.
 */
export function assertNotCrossSite(request: FastifyRequest): void {
  if (SAFE_METHODS.includes(request.method)) return;
  const site = request.headers['sec-fetch-site'];
  const origin = request.headers.origin;
  const fromOurSite = site === undefined || site === 'same-origin' || site === 'none';
  const fromOurOrigin = origin === undefined || isOriginOf(origin, request.headers.host);
  if (!fromOurSite || !fromOurOrigin) throw permissionDenied('Requests from other origins are not accepted.');
}

/** `null`, and whatever else is no URL, is nobody's origin. */
function isOriginOf(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
