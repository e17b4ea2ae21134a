import { createRequire } from 'node:module';

/** What is used of a class that kafkajs keeps to itself. */
interface RequestQueueClass {
  readonly prototype: { readonly pending: readonly unknown[]; scheduleCheckPendingRequests(): void };
}

let isPatched = false;

/**
 * kafkajs 2.2.4 looks at each connection's queue of waiting requests every millisecond, also when nothing ever waits
 * (measured: 3.8 % of a core in an idle process). The queue is looked at anyway when a request is pushed and when one is
 * answered; the timer is needed only while the broker throttles, when something is pending. Patched once per process, on
 * the prototype, since kafkajs makes the queues itself.
 */
export function quietIdleQueues(): void {
  if (isPatched) return;
  isPatched = true;
  const load = createRequire(import.meta.url);
  const { prototype } = load('kafkajs/src/network/requestQueue/index.js') as RequestQueueClass;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called below with the queue that it belongs to
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: typeof prototype) {
    if (this.pending.length > 0) schedule.call(this);
  };
}
