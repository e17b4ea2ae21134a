import { setTimeout as delay } from 'node:timers/promises';

const FOR_MS = 4_000;
const PAUSE_MS = 150;

/**
 * Asks again while the reason is one that passes, for some seconds: kafkajs gives up at once on a partition whose leader
 * is just being chosen, as after the start of a broker or the making of a topic.
 */
export async function whileTransient<T>(ask: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + FOR_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() >= untilMs || !isTransient(error as Error)) throw error;
      await delay(PAUSE_MS);
    }
  }
}

/** kafkajs calls its own giving up final, whatever it gave up on. */
export function isTransient(error: Error): boolean {
  return error.name === 'KafkaJSNumberOfRetriesExceeded' || ('retriable' in error && error.retriable === true);
}
