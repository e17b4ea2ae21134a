/** The client's own default and least sensible value; without it a subscription does not notice a dead connection. */
const KEEP_ALIVE_MS = 10_000;

/** What the client knows. It prints a connection string with any other option, password and all, so those are refused. */
const OPTIONS = new Set([
  'usercertfile',
  'userkeyfile',
  'maxdiscoverattempts',
  'connectionname',
  'defaultdeadline',
  'discoveryinterval',
  'gossiptimeout',
  'nodepreference',
  'tls',
  'tlscafile',
  'throwonappendfailure',
  'keepaliveinterval',
  'keepalivetimeout',
]);

/** Throws where the client would print the string or could not be used; what is thrown says nothing of its content. */
export function requireUsable(url: string): void {
  if (!/^\s*esdb(\+discover)?:\/\/./.test(url)) {
    throw new TypeError('The event store’s connection string must begin with esdb:// or esdb+discover://');
  }
  for (const [key] of options(url)) {
    if (!OPTIONS.has(flat(key))) throw new TypeError('The event store’s connection string has an unknown option.');
  }
  if (!(keepAliveOf(url) >= KEEP_ALIVE_MS)) {
    throw new TypeError(`The event store’s keepAliveInterval must be at least ${KEEP_ALIVE_MS} ms.`);
  }
}

/** As given, but for what must not be set otherwise: without it a conflict looks like a success at a wrong revision. */
export function connectionStringFor(url: string): string {
  const separator = options(url).length > 0 ? '&' : '?';
  return `${url.trim().replace(/\/+$/, '')}${separator}throwOnAppendFailure=true`;
}

function keepAliveOf(url: string): number {
  const given = options(url).filter(([key]) => flat(key) === 'keepaliveinterval');
  return Number(given.at(-1)?.[1] ?? KEEP_ALIVE_MS);
}

/** A password may hold a question mark, so options are looked for behind it only. */
function options(url: string): (readonly [key: string, value: string])[] {
  const query = url.slice(url.lastIndexOf('@') + 1).split('?')[1] ?? '';
  return query.split('&').flatMap((option) => {
    const [key = '', value = ''] = option.split('=');
    return option === '' ? [] : [[key, value] as const];
  });
}

/** The client takes `keepAliveInterval`, `keep_alive_interval` and `Keep-Alive-Interval` for the same. */
function flat(key: string): string {
  return key.trim().toLowerCase().replace(/[_-]/g, '');
}
