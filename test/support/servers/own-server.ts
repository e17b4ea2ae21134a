/** A server that one test has for itself. It ends with the test's process at the latest, however that ends. */
export interface OwnServer {
  readonly host: string;
  readonly port: number;
  /** Of the server itself, and another one after a restart. */
  readonly pid: number;
  /** At once, as a crash would. */
  kill(): Promise<void>;
  /** Connections stay, and nothing is answered until it is resumed. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it in order where it still runs, and resolves once it answers again: the same port and data. */
  restart(): Promise<void>;
  /** In order. */
  stop(): Promise<void>;
}
