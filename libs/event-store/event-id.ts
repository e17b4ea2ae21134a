import { createHash } from 'node:crypto';

/** Made for this purpose alone, so that no other version 5 UUID can equal one of ours. */
const NAMESPACE = '5d6a8c52-13a1-4f0e-9d4c-0b8f6f1f3a57';

/**
 * The id of an event that follows from what it is about: asked again with the same parts it is the same id, by which the
 * server recognises a repeated append. `['a', 'bc']` and `['ab', 'c']` differ: the parts are hashed as a JSON array.
 */
export function deterministicEventId(parts: readonly string[]): string {
  return uuidV5(NAMESPACE, JSON.stringify(parts));
}

/** RFC 9562, 5.5: the SHA-1 of namespace and name, cut to 128 bits, with version and variant set. */
export function uuidV5(namespace: string, name: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name, 'utf8')
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
