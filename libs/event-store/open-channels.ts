import { connectivityState, type Channel } from '@grpc/grpc-js';

/** The channels that a client has made and not closed again: it never closes one that still works. */
export class OpenChannels {
  #channels: Channel[] = [];

  get size(): number {
    return this.#channels.length;
  }

  /** Those that were closed in the meantime go, for each turn to another leader makes a new one. */
  add(channel: Channel): void {
    // Asked so, it does not connect.
    this.#channels = this.#channels.filter((known) => known.getConnectivityState(false) !== connectivityState.SHUTDOWN);
    this.#channels.push(channel);
  }

  closeAll(): void {
    // Closing twice is no error.
    for (const channel of this.#channels) channel.close();
  }
}
