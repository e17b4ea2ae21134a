/** The one module of kafkajs 2.2.4 that is used beyond its public interface (see idle-queue.ts). */
declare module 'kafkajs/src/network/requestQueue/index.js' {
  const RequestQueue: {
    readonly prototype: {
      readonly pending: readonly unknown[];
      scheduleCheckPendingRequests(): void;
    };
  };
  export default RequestQueue;
}
