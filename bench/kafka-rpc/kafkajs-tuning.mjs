/** What can be got out of kafkajs from outside: for every arm but the one that shows NestJS as its documentation does. */
import net from 'node:net';
import tls from 'node:tls';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

/** kafkajs does not turn Nagle's algorithm off by itself. */
export function socketFactory({ host, port, ssl, onConnect }) {
  const socket = ssl
    ? tls.connect({ host, port, servername: net.isIP(host) ? '' : host, ...ssl }, onConnect)
    : net.connect({ host, port }, onConnect);
  socket.setKeepAlive(true, 60_000);
  socket.setNoDelay(true);
  return socket;
}

/** kafkajs looks for timed out requests every millisecond, even where there are none: 4 % of a core for each process. */
export function restIdleTimers() {
  const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
  RequestQueue.prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) schedule.call(this);
  };
}
