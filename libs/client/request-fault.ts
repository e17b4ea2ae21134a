import { type RefusalCode } from '#contracts/codes';

/**
 * Nothing is known about what was asked: no verdict, no refusal; a command may or may not have happened.
 * EXPIRED: no answer came before the deadline, or the caller gave up. UNAVAILABLE: the transport failed, or what came
 * back is not what the contract allows. The message names the topic, never a payload.
 */
export class RequestFault extends Error {
  override readonly name = 'RequestFault';

  constructor(
    readonly code: Extract<RefusalCode, 'EXPIRED' | 'UNAVAILABLE'>,
    topic: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`${topic}: ${reason}`, options);
  }
}
