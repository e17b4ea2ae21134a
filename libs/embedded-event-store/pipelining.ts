import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';

/** What one call may have on its way to the socket; beyond it its handler waits, and with it a slow client's events. */
const MAX_MESSAGES = 128;
const MAX_BYTES = 256 * 1024;

/**
 * grpc-js hands a call's next message over only when the socket has taken the last one: one event per turn of the event
 * loop, for server and client both. With a bounded number under way many of them share one write and one read.
 */
export const pipelining: ServerInterceptor = (_method, call) => new PipelinedCall(call);

class PipelinedCall extends ServerInterceptingCall {
  private messages = 0;
  private bytes = 0;
  private waiting: (() => void) | undefined;

  override sendMessage(message: unknown, callback: () => void): void {
    const bytes = Buffer.isBuffer(message) ? message.length : 0;
    this.messages += 1;
    this.bytes += bytes;
    super.sendMessage(message, () => {
      this.messages -= 1;
      this.bytes -= bytes;
      if (this.hasRoom()) this.goOn();
    });
    if (this.hasRoom()) callback();
    else this.waiting = callback;
  }

  private goOn(): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.();
  }

  private hasRoom(): boolean {
    return this.messages < MAX_MESSAGES && this.bytes < MAX_BYTES;
  }
}
