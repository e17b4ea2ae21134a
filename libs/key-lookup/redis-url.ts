import { type RedisOptions } from 'ioredis';

/** Several addresses are the nodes of a Redis Cluster, with the same user, password and TLS. */
export function isRedisUrl(url: string): boolean {
  try {
    return parseRedisUrl(url).length > 0;
  } catch {
    return false;
  }
}

/** @throws RangeError, which names no part of the address */
export function parseRedisUrl(url: string): readonly RedisOptions[] {
  const nodes = url.split(',').map((node) => parseNode(node.trim()));
  if (nodes.length > 1 && nodes.some(({ db }) => db !== 0))
    throw new RangeError('a Redis Cluster has no numbered databases');
  return nodes;
}

function parseNode(text: string): RedisOptions {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const db = /^(?:\/(\d{1,4})?)?$/.exec(url?.pathname ?? '-');
  if (url === undefined || db === null || url.hostname === '' || !['redis:', 'rediss:'].includes(url.protocol)) {
    throw new RangeError('not the address of a Redis');
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 6379),
    db: Number(db[1] ?? 0),
    ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
    ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
  };
}
