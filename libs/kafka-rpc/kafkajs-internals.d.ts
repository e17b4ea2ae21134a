/** What is used of classes that kafkajs keeps to itself; see kafkajs-mends.ts. */

declare module 'kafkajs/src/network/requestQueue/index.js' {
  export default class RequestQueue {
    readonly pending: readonly unknown[];
    scheduleCheckPendingRequests(): void;
  }
}

declare module 'kafkajs/src/network/connection.js' {
  import { type Socket } from 'node:net';

  export default class Connection {
    chunks: readonly Buffer[];
    bytesBuffered: number;
    bytesNeeded: number;
    readonly socket?: Socket;
    isConnected(): boolean;
    connect(): Promise<unknown>;
  }
}
