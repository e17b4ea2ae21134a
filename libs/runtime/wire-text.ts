/**
 * How a payload becomes text and text a payload, exactly as Nest's Kafka transport does it (KafkaRequestSerializer and
 * KafkaParser of @nestjs/microservices 12), so that a handler behaves alike on every transport: objects and arrays are
 * JSON; strings stay as they are; numbers, booleans and dates lose their type; nothing becomes null.
 *
 * Throws what JSON.stringify throws (cycles, a bigint inside, too deep), and for the one shape that Nest would misread.
 */
export function encodeWireText(payload: unknown): string | null {
  if (payload === undefined || payload === null) return null;
  if (typeof payload === 'string') return payload;
  if (typeof payload === 'number' || typeof payload === 'boolean' || typeof payload === 'bigint')
    return payload.toString();
  if (typeof payload !== 'object') throw new TypeError(`A ${typeof payload} cannot be sent as a message`);
  if ('key' in payload || 'value' in payload) {
    throw new TypeError('A message must not have a top-level "key" or "value": Nest takes it for a Kafka message');
  }
  return hasOwnText(payload) ? (payload as Date).toString() : JSON.stringify(payload);
}

/** Text that looks like JSON and is none stays text: whether it is a request is for its contract to say. */
export function decodeWireText(text: string | null): unknown {
  if (text === null || !(text.startsWith('{') || text.startsWith('['))) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Dates and the like, which stock Nest sends by their toString. */
function hasOwnText(payload: object): boolean {
  if (Array.isArray(payload)) return false;
  const prototype: unknown = Object.getPrototypeOf(payload);
  if (prototype === null || prototype === Object.prototype) return false;
  return payload.toString !== Object.prototype.toString;
}
