import { refusal, type Refusal } from '#contracts/codes';
import { EventStoreUnavailable } from '#event-store/event-store-unavailable';

/** A fault of the log is told as one: it is no verdict on the command, and the same commandId may be sent again. */
export async function orUnavailable<Reply>(reply: Promise<Reply>): Promise<Reply | Refusal> {
  try {
    return await reply;
  } catch (fault) {
    if (fault instanceof EventStoreUnavailable) return refusal('UNAVAILABLE', 'The event log could not be asked.');
    throw fault;
  }
}
