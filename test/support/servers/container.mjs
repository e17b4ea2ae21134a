/** Servers in containers, for machines that can't start them natively and have a Docker engine. */
import { SINGLE_NODE } from '../../../deploy/native/kafka-settings.mjs';
import { freePort } from '../../../deploy/native/serve.mjs';

export const KAFKA = {
  image: 'apache/kafka:4.1.1',
  containerPort: 9092,
  environment: (host, port) => ({
    ...Object.fromEntries(
      Object.entries(SINGLE_NODE).map(([name, value]) => [
        `KAFKA_${name.replaceAll('.', '_').toUpperCase()}`,
        String(value),
      ]),
    ),
    KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://${host}:${port}`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
    KAFKA_HEAP_OPTS: '-Xmx512m',
  }),
  command: [],
  ready: /Kafka Server started/,
};

export const REDIS = {
  image: 'redis:7',
  containerPort: 6379,
  environment: () => ({}),
  command: ['redis-server', '--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction'],
  ready: /Ready to accept connections/,
};

/** Undefined, or why no container can be started. */
export async function containersAreMissing() {
  const { getContainerRuntimeClient } = await import('testcontainers');
  try {
    await getContainerRuntimeClient();
    return undefined;
  } catch {
    return 'no Docker engine answers';
  }
}

/** A container of one server, to be killed, paused and restarted: its port and data stay. */
export class ServerContainer {
  #started;
  #container;
  #ready;

  /** Resolves once it answers. The container goes with this process at the latest: testcontainers' reaper sees to it. */
  static async start({ image, containerPort, environment, command, ready }) {
    const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
    const { container: engine, info } = await getContainerRuntimeClient();
    const { host } = info.containerRuntime;
    // Chosen here and not by the engine: a broker must know its address before it starts, and keeps it over a restart.
    const port = await freePort();
    const started = await new GenericContainer(image)
      .withExposedPorts({ container: containerPort, host: port })
      .withEnvironment(environment(host, port))
      .withCommand(command)
      .withWaitStrategy(Wait.forLogMessage(ready))
      .start();
    const server = new ServerContainer({ started, container: engine.getById(started.getId()), host, port, ready });
    await server.#learnPid();
    return server;
  }

  constructor({ started, container, host, port, ready }) {
    this.#started = started;
    this.#container = container;
    this.#ready = ready;
    this.host = host;
    this.port = port;
  }

  async kill() {
    await this.#container.kill();
    await this.#container.wait();
  }

  async pause() {
    await this.#container.pause();
  }

  async resume() {
    await this.#container.unpause();
  }

  async restart() {
    const { State } = await this.#container.inspect();
    if (State.Paused) await this.#container.unpause();
    if (State.Running) await this.#container.stop();
    // Before it starts, so that nothing of an earlier life is taken for the word that it waits for.
    const output = await this.#container.attach({ stream: true, stdout: true, stderr: true });
    await this.#container.start();
    await this.#untilReady(output);
    await this.#learnPid();
  }

  async stop() {
    await this.#started.stop();
  }

  async #untilReady(output) {
    let said = '';
    for await (const chunk of output) {
      said += chunk.toString('utf8');
      // Leaving the loop ends the connection.
      if (this.#ready.test(said)) return;
    }
    throw new Error(`The container ended before it was ready:\n${said}`);
  }

  async #learnPid() {
    const { State } = await this.#container.inspect();
    this.pid = State.Pid;
  }
}
