import Broker from 'kafkajs/src/broker/index.js';
import Connection from 'kafkajs/src/network/connection.js';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { fetchAtOnce, produceAtOnce } from './protocol/kafkajs-requests.ts';

const LENGTH_BYTES = 4;

let isMended = false;

/**
 * Mends two faults of kafkajs 2.2.4, once per process, and has the two requests that every message takes written by
 * protocol/kafkajs-requests.ts. On prototypes, since it makes these objects itself.
 */
export function mendKafkajs(): void {
  if (isMended) return;
  isMended = true;
  quietIdleQueues(RequestQueue);
  forgetHalfAnswers(Connection);
  fetchAtOnce(Broker);
  produceAtOnce(Broker);
}

/**
 * It looks at each connection's queue of waiting requests every millisecond, also when nothing ever waits (measured: 3.8 %
 * of a core in an idle process). The queue is looked at anyway when a request is pushed and when one is answered; the timer
 * is needed only while the broker throttles, when something is pending.
 */
function quietIdleQueues({ prototype }: typeof RequestQueue): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called below with the queue that it belongs to
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: typeof prototype) {
    if (this.pending.length > 0) schedule.call(this);
  };
}

/**
 * What has arrived of an answer when its connection ends is still there when the same object connects again, and every
 * answer after that is read as its rest: none is ever recognized, each request times out, and the consumer or producer
 * never recovers, however often it is restarted.
 */
function forgetHalfAnswers({ prototype }: typeof Connection): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called below with the connection that it belongs to
  const connect = prototype.connect;
  prototype.connect = function (this: typeof prototype) {
    if (!this.isConnected()) {
      // Its last connection may still be ending, and what comes from there is no part of the next one's answers.
      this.socket?.removeAllListeners('data').resume();
      this.chunks = [];
      this.bytesBuffered = 0;
      this.bytesNeeded = LENGTH_BYTES;
    }
    return connect.call(this);
  };
}
