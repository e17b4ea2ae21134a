/** The deadline passed before a reply came. What became of the request is not known: ask again with the same ids. */
export class RequestExpired extends Error {
  override readonly name = 'RequestExpired';
  constructor() {
    super('No reply came before the deadline of the request.');
  }
}

/** Nobody is there to answer: the server has not started or has stopped, or the client itself was closed. */
export class TransportClosed extends Error {
  override readonly name = 'TransportClosed';
  constructor(message = 'The service that answers this request is not running.') {
    super(message);
  }
}

/** More waits here for its reply than this client keeps: not sent, so it may be asked again at once or elsewhere. */
export class TransportOverloaded extends Error {
  override readonly name = 'TransportOverloaded';
  constructor() {
    super('Too many requests are under way.');
  }
}

/** The request is larger than what the transport carries; not sent. */
export class RequestTooLarge extends Error {
  override readonly name = 'RequestTooLarge';
  constructor() {
    super('The request is too large.');
  }
}
