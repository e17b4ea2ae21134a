/**
 * A fault of the event store or of the way to it: nothing is known about what was asked. An append that ends so may have
 * been stored; asking again with the same event ids and expected revision finds out. The message holds no secret.
 */
export class EventStoreUnavailable extends Error {
  override readonly name: string = 'EventStoreUnavailable';
}

/** The server answered, with what can't be built on. Asking again would bring the same. */
export class UnusableAnswer extends EventStoreUnavailable {
  override readonly name = 'UnusableAnswer';
}

/** An event that is no JSON (a BigInt, a cycle, a function): the caller's mistake, found before anything is sent. */
export class UnserialisableEvent extends Error {
  override readonly name = 'UnserialisableEvent';
}
