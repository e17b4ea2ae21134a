import { BlockList, isIPv4, isIPv6 } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const PORT = /^(.*):[0-9]{1,5}$/s;

/**
 * Whether an address to listen on, or the value of a `Host` header, can only mean this machine: 127.0.0.0/8, `::1` in any
 * spelling, the same as IPv4-mapped IPv6 addresses, and the name `localhost`; each with or without a port (IPv6 then in
 * brackets, as in a URL).
 *
 * Everything else is not, also where some resolver would take it for loopback: other names (`127.0.0.1.evil.com`,
 * `x.localhost`), trailing dots, zones, the wildcards `0.0.0.0` and `::`, and numbers that only `inet_aton` reads as an
 * address (`127.1`, `0x7f.0.0.1`, `2130706433`). A page that rebinds its own name to 127.0.0.1 is refused by this.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  if (isIPv6(host)) return isLoopbackIPv6(host);
  const name = PORT.exec(host)?.[1] ?? host;
  if (name.startsWith('[') && name.endsWith(']')) return isLoopbackIPv6(name.slice(1, -1));
  if (isIPv4(name)) return LOOPBACK.check(name, 'ipv4');
  return /^localhost$/i.test(name);
}

function isLoopbackIPv6(address: string): boolean {
  return isIPv6(address) && !address.includes('%') && LOOPBACK.check(address, 'ipv6');
}
