import { type Flight, type Waiting } from './flight.ts';

const MAX_MEMBERS = 512;
const MAX_BYTES = 256 * 1024;
/** So many that wait are worth a second request beside the one under way, and no rest. */
const SECOND_AT = 128;
/**
 * What a request costs is mostly its own, whoever is in it: a caller that is asked all the time pays a fifth to a quarter
 * less CPU for these few milliseconds.
 */
const REST_ROUND_TRIPS = 2;
const MAX_REST_MS = 15;
/** However late the replies are, so many joined requests are under way at most, but for those that are given up. */
const MAX_FLIGHTS = 8;
/** A reply that is so many stalls late is not reckoned with: a dead server's would shut out the living ones. */
const GIVEN_UP_AFTER_STALLS = 6;
const FIRST_ROUND_TRIP_MS = 25;
const MIN_STALL_MS = 50;
const MAX_STALL_MS = 1_000;
const SMOOTHING = 0.1;

/**
 * The requests of one topic that may travel together. While one joined request is under way all that come wait for its
 * reply, then a little longer for others, and go as one; so the busier it gets, the fuller the messages, and who asks one
 * after the other waits for nobody. A second is sent beside it when many wait (measured: it costs no more CPU, and keeps
 * the throughput of two), and whatever fills a message goes at once.
 *
 * A reply that is late, for several times what replies take, holds up nobody: the next one is sent without it. How much
 * can be under way in all is for the client's own bounds.
 */
export class JoinedQueue {
  readonly #send: (members: readonly Waiting[], ended: (isAnswered: boolean) => void) => Flight;
  readonly #flights = new Set<Flight>();
  #queue: Waiting[] = [];
  #roundTripMs = FIRST_ROUND_TRIP_MS;
  #isScheduled = false;
  #stallTimer: NodeJS.Timeout | undefined;
  #restTimer: NodeJS.Timeout | undefined;

  constructor(send: (members: readonly Waiting[], ended: (isAnswered: boolean) => void) => Flight) {
    this.#send = send;
  }

  add(waiting: Waiting): void {
    this.#queue.push(waiting);
    this.#schedule();
  }

  /** At the end of the turn: callers that were answered together ask together again. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    this.#queue = this.#queue.filter(({ isOver }) => !isOver);
    while (this.#queue.length > 0 && this.#maySend()) {
      const members = this.#take();
      const flight = this.#send(members, (isAnswered) => this.#ended(flight, isAnswered));
      this.#flights.add(flight);
      this.#endRest();
    }
    if (this.#queue.length > 0) this.#watch();
  }

  #maySend(): boolean {
    const nowMs = performance.now();
    let onTime = 0;
    let underWay = 0;
    for (const { sentAtMs } of this.#flights) {
      if (sentAtMs > nowMs - this.#stallMs) onTime += 1;
      if (sentAtMs > nowMs - GIVEN_UP_AFTER_STALLS * this.#stallMs) underWay += 1;
    }
    if (underWay >= MAX_FLIGHTS) return false;
    if (onTime === 0 && this.#restTimer === undefined) return true;
    return this.#queue.length >= (onTime <= 1 ? SECOND_AT : MAX_MEMBERS);
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#queue) {
      if (count === MAX_MEMBERS || (count > 0 && bytes + waiting.bytes > MAX_BYTES)) break;
      bytes += waiting.bytes;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  #ended(flight: Flight, isAnswered: boolean): void {
    this.#flights.delete(flight);
    if (isAnswered) {
      this.#roundTripMs += SMOOTHING * (performance.now() - flight.sentAtMs - this.#roundTripMs);
    }
    if (this.#queue.length === 0) return;
    // These came while it was under way, so others come, too. Who was waiting for its replies has yet to ask again.
    if (this.#flights.size === 0) this.#rest();
    this.#schedule();
  }

  #rest(): void {
    const restMs = Math.min(REST_ROUND_TRIPS * this.#roundTripMs, MAX_REST_MS);
    this.#restTimer ??= setTimeout(() => {
      this.#endRest();
      this.#pump();
    }, restMs);
  }

  #endRest(): void {
    clearTimeout(this.#restTimer);
    this.#restTimer = undefined;
  }

  get #stallMs(): number {
    return Math.min(MAX_STALL_MS, Math.max(MIN_STALL_MS, 4 * this.#roundTripMs));
  }

  #watch(): void {
    if (this.#stallTimer !== undefined) return;
    this.#stallTimer = setTimeout(() => {
      this.#stallTimer = undefined;
      this.#pump();
    }, this.#stallMs).unref();
  }
}
