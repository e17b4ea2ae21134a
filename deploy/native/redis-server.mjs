import { runs } from './serve.mjs';

/** Whether a Redis can be started here: undefined, or what is missing. */
export function redisIsMissing() {
  return runs('redis-server', '--version') ? undefined : 'no redis-server on the PATH';
}
