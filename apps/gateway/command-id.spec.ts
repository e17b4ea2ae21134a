import { describe, expect, it } from '@jest/globals';
import { commandIdSchema } from '#contracts/fields';
import { commandIdOf } from './command-id.ts';

describe('the id of a command', () => {
  it('is new for each request', () => {
    expect(commandIdOf(undefined)).not.toBe(commandIdOf(undefined));
    expect(commandIdSchema.safeParse(commandIdOf(undefined)).success).toBe(true);
  });

  it('is the Idempotency-Key, in a space of its own', () => {
    expect(commandIdOf('order-7')).toBe('http:order-7');
    expect(commandIdSchema.safeParse(commandIdOf('x'.repeat(100))).success).toBe(true);
  });

  it.each(['', ' ', 'a b', 'x'.repeat(101), 'é', 'a\0'])('is refused when that is %j', (key) => {
    expect(() => commandIdOf(key)).toThrow(expect.objectContaining({ status: 400 }));
  });
});
