import { z } from 'zod';

const MUST_BE_BROKERS = 'must be host:port of one or more brokers, with commas between them';
const MUST_BE_PREFIX = 'must be at most 100 characters of a-z A-Z 0-9 . _ -';

/** What every process on Kafka reads from its environment (docs/settings.md). */
export const kafkaFields = {
  KAFKA_BROKERS: z
    .string(MUST_BE_BROKERS)
    .transform((text) => text.split(',').map((broker) => broker.trim()))
    .refine((brokers) => brokers.every(isBroker), MUST_BE_BROKERS),
  /** Before the name of every topic and consumer group. */
  TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/, MUST_BE_PREFIX)
    .default('latchkey.'),
};

function isBroker(text: string): boolean {
  const parts = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[2]);
  return port >= 1 && port <= 65_535;
}
