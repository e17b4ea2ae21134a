/** Kafka answers, and does not let this process do what it must: only an operator mends that. */
export class KafkaRefused extends Error {
  override readonly name = 'KafkaRefused';
  readonly code = 'KAFKA_REFUSED';
}

/** Kafka could not be reached, or did not do what it was asked. */
export class KafkaUnavailable extends Error {
  override readonly name = 'KafkaUnavailable';
  readonly code = 'KAFKA_UNAVAILABLE';

  constructor(cause: unknown) {
    const fault = cause instanceof Error ? cause.message : 'unknown fault';
    super(`Kafka does not answer: ${fault}${hintOf(cause)}`, { cause });
  }
}

const RIGHTS = '`latchkey topics --rights` prints what each service needs';
/** By Kafka's names of errors. */
const REASONS: Readonly<Record<string, string>> = {
  UNSUPPORTED_SASL_MECHANISM: 'it does not take this KAFKA_SASL_MECHANISM',
  ILLEGAL_SASL_STATE:
    'this listener asks nobody who he is: name another one in KAFKA_BROKERS, or unset KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD',
  TOPIC_AUTHORIZATION_FAILED: `KAFKA_SASL_USERNAME has no right to a topic; ${RIGHTS}`,
  GROUP_AUTHORIZATION_FAILED: `KAFKA_SASL_USERNAME has no right to its consumer group; ${RIGHTS}`,
  CLUSTER_AUTHORIZATION_FAILED: `KAFKA_SASL_USERNAME has no right to that; ${RIGHTS}`,
};
/** kafkajs tells any fault during the exchange as this, also a broker that goes away in the midst of it. */
const WENT_AWAY = /Closed connection|closed by the server|Connection (?:error|timeout)|Not connected|timed out/;
/** Node's names of errors of a certificate. */
const NOT_TRUSTED = /^(?:ERR_TLS_CERT_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA$|HOSTNAME_MISMATCH$)/;

/** Of kafka-connection.ts; kafkajs keeps no more than the text. */
export const NOT_IN_PLAIN_TEXT = 'without TLS no password goes to';
/** kafkajs' words for a connection that the other side ended, and Node's for one that ended before TLS. */
const HUNG_UP = /^Closed connection$|before secure TLS connection was established/;

const NO_MEMBER = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS']);

interface Fault {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/**
 * Where an operator might look, as the end of a sentence. A broker hangs up without a word on who comes without what its
 * listener asks for, as it does when it ends; and kafkajs keeps to itself why a group has no coordinator. So nobody gives
 * up for these.
 */
export function hintOf(error: unknown): string {
  const chain = chainOf(error);
  if (chain.some(({ message }) => HUNG_UP.test(String(message))))
    return ' (it hangs up; if it is well, its listener may want another KAFKA_TLS, or a KAFKA_SASL_USERNAME)';
  if (chain.some(({ name }) => name === 'KafkaJSGroupCoordinatorNotFound'))
    return ` (if it is well, KAFKA_SASL_USERNAME has no right to its consumer group; ${RIGHTS})`;
  return '';
}

/** What to end a start with: a fault of Kafka's in a sentence, any other as it is. */
export function startFault(error: unknown): unknown {
  const isOfKafka = chainOf(error).some(({ name }) => String(name).startsWith('KafkaJS'));
  return isOfKafka ? (refusalOf(error) ?? new KafkaUnavailable(error)) : error;
}

/** What to tell the operator, if it is a refusal; undefined for a fault that may pass. Never says what a setting holds. */
export function refusalOf(error: unknown): KafkaRefused | undefined {
  if (error instanceof KafkaRefused) return error;
  for (const fault of chainOf(error)) {
    const reason = reasonOf(fault);
    if (reason !== undefined) return new KafkaRefused(`Kafka refuses this process: ${reason}`, { cause: error });
  }
  return undefined;
}

/** Of what ended a consumer: whether it lies with Kafka and is neither a refusal nor a quarrel within the group. */
export function mayPass(error: unknown): boolean {
  const chain = chainOf(error);
  const isOfKafka = /^KafkaJS|^ConsumerStalled$/.test(String(chain.at(-1)?.name));
  return (
    isOfKafka && refusalOf(error) === undefined && !chain.some(({ type }) => type === 'INCONSISTENT_GROUP_PROTOCOL')
  );
}

/** The group has gone on without this member, or is about to be shared out anew. */
export function isNoMember(error: unknown): boolean {
  return chainOf(error).some(({ type }) => NO_MEMBER.has(String(type)));
}

/** Itself and what has led to it: kafkajs wraps errors in others, which lose their names. */
function chainOf(error: unknown): readonly Fault[] {
  const chain: Fault[] = [];
  let fault: unknown = error;
  while (typeof fault === 'object' && fault !== null && !chain.includes(fault)) {
    const { errors, cause } = fault as Fault;
    chain.push(fault, ...(Array.isArray(errors) ? (errors as readonly Fault[]) : []));
    fault = cause;
  }
  return chain;
}

function reasonOf({ name, message, type, code }: Fault): string | undefined {
  if (name === 'KafkaJSSASLAuthenticationError' && !WENT_AWAY.test(String(message)))
    return 'KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD is wrong, or its user has no KAFKA_SASL_MECHANISM';
  if (String(message).includes(NOT_IN_PLAIN_TEXT)) return `${NOT_IN_PLAIN_TEXT} a broker elsewhere: set KAFKA_TLS`;
  if (typeof type === 'string' && Object.hasOwn(REASONS, type)) return REASONS[type];
  if (typeof code !== 'string') return undefined;
  if (NOT_TRUSTED.test(code))
    return `its certificate is not trusted (${code}): KAFKA_TLS must name the CA that signed it`;
  return undefined;
}
