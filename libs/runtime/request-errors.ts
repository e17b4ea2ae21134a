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
