import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Logger } from '@nestjs/common';
import { type ISocketFactoryArgs, Kafka, type KafkaConfig, type LogEntry, logLevel, type SASLOptions } from 'kafkajs';
import { isLoopbackHost } from '#runtime/loopback';
import { NOT_IN_PLAIN_TEXT } from './kafka-faults.ts';
import { mendKafkajs } from './kafkajs-mends.ts';

/** Where Kafka is, and as whom. */
export interface KafkaConnectionOptions {
  /** `host:port` of one or more brokers; the others are found through these. */
  readonly brokers: readonly string[];
  readonly clientId?: string;
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: KafkaIdentity;
  /** How long a broker may take to answer one request, before it counts as failed; 10 s by default. */
  readonly requestTimeoutMs?: number;
  /** Where whatever goes wrong is told by whoever asks, kafkajs need not tell it, too. Default: it does. */
  readonly isQuiet?: boolean;
}

export interface KafkaIdentity {
  readonly mechanism: 'scram-sha-512' | 'scram-sha-256' | 'plain';
  readonly username: string;
  readonly password: string;
}

/**
 * Quick and many instead of slow and few: what waits here has a deadline of seconds, and a broker that restarts is to be
 * found again within one of them. A request that fails for longer is tried again by whoever sent it.
 */
export const RETRY = { initialRetryTime: 50, maxRetryTime: 500, multiplier: 2, retries: 8 } as const;

/** How long Kafka may hold back an empty fetch; heartbeats, rebalances and shutdown wait as long. */
export const MAX_WAIT_MS = 400;

const CONNECT_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

/** kafkajs as it has to be for requests and replies: no Nagle, no busy timers, short retries, and Nest's log. */
export function connectKafka({
  brokers,
  clientId = 'latchkey',
  ssl,
  sasl,
  requestTimeoutMs = REQUEST_TIMEOUT_MS,
  isQuiet = false,
}: KafkaConnectionOptions): Kafka {
  mendKafkajs();
  return new Kafka({
    brokers: [...brokers],
    clientId,
    ...(ssl === undefined ? {} : { ssl }),
    // A copy: kafkajs keeps things of its own in it.
    ...(sasl === undefined ? {} : { sasl: { ...sasl } as SASLOptions }),
    socketFactory: sasl === undefined ? withoutDelay : neverInPlainText,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: requestTimeoutMs,
    retry: RETRY,
    logLevel: isQuiet ? logLevel.NOTHING : logLevel.WARN,
    logCreator: () => logEntry,
  });
}

/** kafkajs' own socket factory, with TCP_NODELAY: without it a small request waits for the acknowledgement of the last. */
function withoutDelay({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
  // Its types leave out that `ssl` is absent for plain text.
  const tls = ssl as ISocketFactoryArgs['ssl'] | undefined | null;
  const socket = tls
    ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...tls }, onConnect)
    : connectTcp({ host, port }, onConnect);
  return socket.setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true);
}

/**
 * No password crosses a network in plain text. The settings see to the brokers that they name; this sees to those that
 * these name, whoever they are.
 */
function neverInPlainText(wanted: ISocketFactoryArgs): Socket {
  const tls = wanted.ssl as ISocketFactoryArgs['ssl'] | undefined | null;
  if (tls || isLoopbackHost(wanted.host)) return withoutDelay(wanted);
  throw new Error(`${NOT_IN_PLAIN_TEXT} ${wanted.host}`);
}

/** An outage is one piece of news, and kafkajs tells it with every attempt. */
const REPEAT_AFTER_MS = 10_000;
const MAX_REMEMBERED = 100;
const lastSaid = new Map<string, number>();

/** Warnings of what is so on purpose: a record log that could not write begins anew (record-log.ts). */
const INTENDED = new Set(['Limiting retries for the idempotent producer may invalidate EoS guarantees']);

/** Messages and errors only: the rest of an entry may hold what was sent. */
function logEntry({ namespace, level, log }: LogEntry): void {
  if (INTENDED.has(log.message)) return;
  const error: unknown = log['error'];
  const text = typeof error === 'string' ? `${log.message} (${error})` : log.message;
  // Of the whole client, it has none, whatever its type says.
  const context = `Kafka${(namespace as string | undefined) ?? ''}`;
  if (wasSaid(`${context} ${text}`)) return;
  if (level === logLevel.ERROR) Logger.error(text, context);
  else Logger.warn(text, context);
}

function wasSaid(line: string): boolean {
  const nowMs = performance.now();
  if (nowMs - (lastSaid.get(line) ?? -Infinity) < REPEAT_AFTER_MS) return true;
  if (lastSaid.size >= MAX_REMEMBERED) lastSaid.clear();
  lastSaid.set(line, nowMs);
  return false;
}
