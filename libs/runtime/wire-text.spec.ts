import { describe, expect, it } from '@jest/globals';
import { KafkaParser } from '@nestjs/microservices/helpers/kafka-parser.js';
import { KafkaRequestSerializer } from '@nestjs/microservices/serializers/kafka-request.serializer.js';
import fc from 'fast-check';
import { decodeWireText, encodeWireText } from './wire-text.ts';

const stockSerializer = new KafkaRequestSerializer();
const stockParser = new KafkaParser();

/** What stock Nest makes of a payload that goes over Kafka. */
function overKafka(payload: unknown): unknown {
  const { value } = stockSerializer.serialize(payload) as { value: string | null };
  return value === null ? null : stockParser.decode(Buffer.from(value));
}

class Point {
  readonly x = 1;
}
class Named {
  toString(): string {
    return '{"named":1}';
  }
}

describe('wire text', () => {
  it.each([
    [undefined],
    [null],
    [''],
    ['text'],
    ['{"a":1}'],
    ['[broken'],
    ['{'],
    [' {"a":1}'],
    [0],
    [NaN],
    [false],
    [12n],
    [new Date(0)],
    [[1, undefined, 'x']],
    [[]],
    [{}],
    [{ a: undefined, b: { key: 1, value: 2 } }],
    [Object.assign(Object.create(null) as object, { a: 1 })],
    [JSON.parse('{"__proto__":{"a":1}}')],
    [new Point()],
    [new Named()],
    [new Map([[1, 2]])],
    [{ toJSON: () => ({ a: 1 }) }],
  ])('arrives as over stock Kafka: %p', (payload: unknown) => {
    expect(decodeWireText(encodeWireText(payload))).toEqual(overKafka(payload));
  });

  it('arrives as over stock Kafka, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.string({ unit: 'grapheme' }), fc.double()), (payload) => {
        fc.pre(!(typeof payload === 'object' && payload !== null && ('key' in payload || 'value' in payload)));
        // A first byte of 0 is Kafka's mark of a binary value; no contract begins so.
        fc.pre(!(typeof payload === 'string' && payload.startsWith('\0')));
        expect(decodeWireText(encodeWireText(payload))).toEqual(overKafka(payload));
      }),
    );
  });

  it.each([[{ key: 'a' }], [{ value: undefined }], [{ nested: { a: 1n } }], [Symbol('s')], [() => 1]])(
    'refuses what would not arrive: %p',
    (payload: unknown) => {
      expect(() => encodeWireText(payload)).toThrow(TypeError);
    },
  );

  it('does not fall over what is nested too deep', () => {
    const depth = 200_000;
    const text = '['.repeat(depth) + ']'.repeat(depth);
    expect(() => decodeWireText(text)).not.toThrow();
    expect(() => encodeWireText(Array.from({ length: depth }).reduce((inner) => [inner], []))).toThrow(RangeError);
  });
});
