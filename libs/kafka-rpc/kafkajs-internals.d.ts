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

declare module 'kafkajs/src/broker/index.js' {
  import { type FetchAnswer } from '#kafka-rpc/protocol/fetch-answer';
  import { type TopicFetch } from '#kafka-rpc/protocol/fetch-request';
  import { type TopicRecords } from '#kafka-rpc/protocol/produce-request';

  export interface FetchOptions {
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly isolationLevel?: number;
    readonly rackId?: string;
    readonly topics: readonly TopicFetch[];
  }

  export interface ProduceOptions {
    readonly topicData: readonly TopicRecords[];
    readonly transactionalId?: string;
    readonly producerId?: number;
    readonly acks?: number;
    readonly timeout?: number;
    readonly compression?: number;
  }

  /** A request of one version of the protocol, ready to be sent; `T` is its answer. */
  export interface ProtocolRequest<T> {
    readonly request: {
      readonly apiVersion: number;
      readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
    };
    readonly response: { readonly decode: (answer: Buffer) => Promise<T> };
  }

  /** All versions of a kind of request. */
  export interface Versions<Fields, T> {
    readonly protocol: (version: { readonly version: number }) => (fields: Fields) => ProtocolRequest<T>;
  }

  export default class Broker {
    readonly connectionPool: { send<T>(request: ProtocolRequest<T>): Promise<T> };
    /** In the newest version that both sides know. */
    lookupRequest<Fields, T>(apiKey: number, versions: Versions<Fields, T>): (fields: Fields) => ProtocolRequest<T>;
    fetch(asked: FetchOptions): Promise<FetchAnswer>;
    produce(asked: ProduceOptions): Promise<unknown>;
    disconnect(): Promise<void>;
  }
}

declare module 'kafkajs/src/protocol/requests/index.js' {
  import { type FetchOptions, type ProduceOptions, type Versions } from 'kafkajs/src/broker/index.js';
  import { type FetchAnswer } from '#kafka-rpc/protocol/fetch-answer';

  const protocol: {
    readonly requests: {
      readonly Fetch: Versions<FetchOptions, FetchAnswer>;
      readonly Produce: Versions<ProduceOptions, unknown>;
    };
  };
  export default protocol;
}

declare module 'kafkajs/src/protocol/requests/produce/v3/request.js' {
  import { type ProduceOptions, type ProtocolRequest } from 'kafkajs/src/broker/index.js';

  export default function request(fields: ProduceOptions): ProtocolRequest<unknown>['request'];
}

declare module 'kafkajs/src/protocol/requests/apiKeys.js' {
  const apiKeys: { readonly Fetch: number; readonly Produce: number };
  export default apiKeys;
}

declare module 'kafkajs/src/utils/shuffle.js' {
  export default function shuffle<T>(array: readonly T[]): T[];
}

declare module 'kafkajs/src/protocol/requests/fetch/v11/request.js' {
  import { type FetchOptions, type ProtocolRequest } from 'kafkajs/src/broker/index.js';

  export default function request(
    fields: FetchOptions & { readonly replicaId: number },
  ): ProtocolRequest<unknown>['request'];
}

declare module 'kafkajs/src/protocol/requests/fetch/v11/response.js' {
  import { type FetchAnswer } from '#kafka-rpc/protocol/fetch-answer';

  const response: { readonly decode: (answer: Buffer) => Promise<FetchAnswer> };
  export default response;
}

declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    readonly buffer: Buffer;
    writeInt16(value: number): this;
    writeInt32(value: number): this;
    writeInt64(decimal: string): this;
    writeString(text: string): this;
    writeBytes(bytes: Buffer): this;
  }
}
