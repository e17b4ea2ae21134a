import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ConnectionOptions } from 'node:tls';
import { z } from 'zod';
import { isLoopbackHost } from '#runtime/loopback';
import { type KafkaConnectionOptions } from './kafka-connection.ts';

const MUST_BE_BROKERS = 'must be host:port of one or more brokers, with commas between them';
const MUST_BE_PREFIX = 'must be at most 100 characters of a-z A-Z 0-9 . _ -';
const MUST_BE_TLS = 'must be 1, or the path of a PEM file with the certificates of CAs';
const MECHANISMS = ['scram-sha-512', 'scram-sha-256', 'plain'] as const;

/** What every process on Kafka reads from its environment (docs/settings.md); `.check(kafkaRules)` belongs to it. */
export const kafkaFields = {
  KAFKA_BROKERS: z
    .string(MUST_BE_BROKERS)
    .transform((text) => text.split(',').map((broker) => broker.trim()))
    .refine((brokers) => brokers.every(isBroker), MUST_BE_BROKERS),
  /** Unset: plain text. `true`: the system's CAs. */
  KAFKA_TLS: z
    .string(MUST_BE_TLS)
    .transform((text, context) => {
      const tls = text === '1' ? true : certificatesOf(text);
      if (typeof tls !== 'string') return tls;
      context.addIssue({ code: 'custom', message: tls });
      return z.NEVER;
    })
    .optional(),
  KAFKA_SASL_MECHANISM: z.enum(MECHANISMS, `must be one of ${MECHANISMS.join(', ')}`).default('scram-sha-512'),
  KAFKA_SASL_USERNAME: z.string('must be a text').optional(),
  KAFKA_SASL_PASSWORD: z.string('must be a text').optional(),
  /** Before the name of every topic and consumer group. */
  TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/, MUST_BE_PREFIX)
    .default('latchkey.'),
};

export type KafkaSettings = z.infer<z.ZodObject<typeof kafkaFields>>;

/** What the settings must be together: a name and its password, and no password in plain text on a network. */
export const kafkaRules = z.check<KafkaSettings>(({ value: settings, issues }) => {
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = settings;
  const refuse = (name: keyof KafkaSettings, message: string) => {
    issues.push({ code: 'custom', input: undefined, path: [name], message });
  };
  if (username === undefined && password !== undefined)
    refuse('KAFKA_SASL_USERNAME', 'must be set together with KAFKA_SASL_PASSWORD');
  if (username !== undefined && password === undefined)
    refuse('KAFKA_SASL_PASSWORD', 'must be set together with KAFKA_SASL_USERNAME');
  const isNamed = username !== undefined || password !== undefined;
  if (isNamed && settings.KAFKA_TLS === undefined && !settings.KAFKA_BROKERS.every(isLoopbackHost))
    refuse('KAFKA_TLS', 'must be set where KAFKA_SASL_USERNAME is and a broker is not on this machine');
});

/** @param name of the service, for the broker's log and its quotas */
export function kafkaConnection(settings: KafkaSettings, name: string): KafkaConnectionOptions {
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password, KAFKA_SASL_MECHANISM: mechanism } = settings;
  return {
    brokers: settings.KAFKA_BROKERS,
    clientId: settings.TOPIC_PREFIX + name,
    ...(settings.KAFKA_TLS !== undefined && { ssl: settings.KAFKA_TLS }),
    ...(username !== undefined && password !== undefined && { sasl: { mechanism, username, password } }),
  };
}

function isBroker(text: string): boolean {
  const parts = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[2]);
  return port >= 1 && port <= 65_535;
}

/** @returns a text that says what is wrong: "must …" */
function certificatesOf(path: string): ConnectionOptions | string {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    return `${MUST_BE_TLS}; that can be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
  }
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    // Node would pass over what it can't read, and trust nobody.
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch {
    return `${MUST_BE_TLS}; one of its certificates can’t be read`;
  }
  return certificates.length === 0 ? `${MUST_BE_TLS}; it has none` : { ca: certificates };
}
