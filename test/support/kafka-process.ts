import { kafkaIsMissing } from '../../deploy/native/kafka-jars.mjs';
import { aFolder } from './folders.ts';
import { type Requirement } from './requires.ts';
import { ServerProcess } from './server-process.ts';

export const kafkaServer: Requirement = { name: 'Kafka', missing: kafkaIsMissing };

interface Options {
  /** A folder of the test's own; a new one when left out. */
  readonly dataDir?: string;
  /** 0, the default: any free one. */
  readonly port?: number;
}

interface Facts {
  readonly brokers: readonly [string];
  readonly pid: number;
}

/** A broker of the test's own, to be killed, paused and restarted. Ends with this process at the latest. */
export class KafkaProcess {
  private constructor(
    private server: ServerProcess<Facts>,
    readonly dataDir: string,
  ) {}

  /** Resolves once it answers; it has no topics, and makes none by itself. */
  static async start({ dataDir = aFolder('kafka'), port = 0 }: Options = {}): Promise<KafkaProcess> {
    return new KafkaProcess(await launch(dataDir, port), dataDir);
  }

  get brokers(): readonly [string] {
    return this.server.facts.brokers;
  }

  get port(): number {
    return Number(this.brokers[0].split(':')[1]);
  }

  /** Of the broker itself; another one after a restart. */
  get pid(): number {
    return this.server.facts.pid;
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.server.kill();
  }

  /** SIGSTOP: connections stay, and nothing is answered. */
  pause(): void {
    this.server.pause();
  }

  resume(): void {
    this.server.resume();
  }

  /** Ends it in order where it still runs, and starts it again: the same port and data. */
  async restart(): Promise<void> {
    await this.server.stop();
    this.server = await launch(this.dataDir, this.port);
  }

  /** Ends it in order. */
  stop(): Promise<void> {
    return this.server.stop();
  }
}

export function startKafka(options: Options = {}): Promise<KafkaProcess> {
  return KafkaProcess.start(options);
}

function launch(dataDir: string, port: number): Promise<ServerProcess<Facts>> {
  return ServerProcess.start('kafka.mjs', ['--data', dataDir, '--port', String(port)]);
}
