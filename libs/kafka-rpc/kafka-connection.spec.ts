import { describe, expect, it } from '@jest/globals';
import { KafkaRefused } from './kafka-faults.ts';
import { type KafkaConnectionOptions } from './kafka-connection.ts';
import { withAdmin } from './topics.ts';

const sasl = { mechanism: 'plain', username: 'latchkey.command', password: 'the password of the tests' } as const;

/** Settings would refuse it, but brokers name others, and may name anything. */
function connect(options: Partial<KafkaConnectionOptions>): Promise<Error> {
  return withAdmin({ brokers: ['kafka.invalid:9092'], ...options }, (admin) => admin.listTopics()).then(
    () => new Error('It was connected'),
    (error: unknown) => error as Error,
  );
}

describe('a broker that is not on this machine', () => {
  it('is looked for by who has no name, or comes with TLS', async () => {
    const faults = await Promise.all([connect({}), connect({ ssl: true, sasl })]);
    for (const { message } of faults) expect(message).toMatch(/kafka\.invalid/);
  });

  it('is told no password without TLS', async () => {
    const fault = await connect({ sasl });
    expect(fault).toBeInstanceOf(KafkaRefused);
    expect(fault.message).toContain('set KAFKA_TLS');
    expect(fault.message).not.toContain(sasl.password);
  });
});
