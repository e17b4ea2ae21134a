import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Logger } from '@nestjs/common';
import { type ISocketFactoryArgs, Kafka, type KafkaConfig, type LogEntry, logLevel } from 'kafkajs';
import { quietIdleQueues } from './idle-queue.ts';

/** Where Kafka is, and as whom. */
export interface KafkaConnectionOptions {
  /** `host:port` of one or more brokers; the others are found through these. */
  readonly brokers: readonly string[];
  readonly clientId?: string;
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: KafkaConfig['sasl'];
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
export function connectKafka({ brokers, clientId = 'latchkey', ssl, sasl }: KafkaConnectionOptions): Kafka {
  quietIdleQueues();
  return new Kafka({
    brokers: [...brokers],
    clientId,
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
    socketFactory: withoutDelay,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: RETRY,
    logLevel: logLevel.WARN,
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
