import { describe, expect, it } from '@jest/globals';
import { type IHeaders } from 'kafkajs';
import { writableHeaders } from './parked-headers.ts';

const bytes = Buffer.from('text');

describe('the headers of a record that is parked', () => {
  it.each<[string, unknown, unknown]>([
    ['bytes', bytes, bytes],
    ['several of one name', [bytes, bytes], [bytes, bytes]],
    ['none for a value, which kafkajs cannot write', null, Buffer.alloc(0)],
    ['what kafkajs makes of a name that every object knows', [Object, bytes], [bytes]],
    ['nothing', undefined, Buffer.alloc(0)],
  ])('are as they were: %s', (_, read, written) => {
    expect(writableHeaders({ name: read, other: bytes } as IHeaders)).toEqual({ name: written, other: bytes });
  });
});
