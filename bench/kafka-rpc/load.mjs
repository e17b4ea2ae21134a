import { setImmediate } from 'node:timers';

/** How long after the window an answer may still come before it counts as lost. */
const GRACE_MS = 2_000;
const MOST_PER_TURN = 256;

/** `inFlight` requests always under way, the next one as soon as one is answered. */
export function closedLoop(window, { inFlight }) {
  const askAgain = (isAnswered) => {
    if (window.isOver) return;
    if (isAnswered) window.ask(performance.now(), askAgain);
    // A fault that needs no time must not keep the process from everything else.
    else setImmediate(askAgain, true);
  };
  for (let nth = 0; nth < inFlight; nth++) askAgain(true);
}

/**
 * Poisson arrivals at a fixed rate, whatever becomes of the answers. Latency counts from the moment that a request was due,
 * so a caller that can't keep up does not hide it.
 */
export function openLoop(window, { perSecond }) {
  let due = performance.now();
  const advance = () => (due -= (Math.log(1 - Math.random()) * 1_000) / perSecond);
  const askWhatIsDue = () => {
    if (window.isOver) return;
    for (let turn = 0; due <= performance.now() && turn < MOST_PER_TURN; turn++) {
      window.ask(due, () => undefined);
      advance();
    }
    const waitMs = due - performance.now();
    if (waitMs > 0) setTimeout(askWhatIsDue, waitMs);
    else setImmediate(askWhatIsDue);
  };
  advance();
  askWhatIsDue();
}

/**
 * What is recorded between `open` and `close`. Latencies are in ms. Those of an open loop are of the requests that were due
 * in it, whenever they are answered; those of a closed loop of what was answered in it.
 */
export class Window {
  #ask;
  #questions;
  #isOpenLoop;
  #asked;
  #from = Infinity;
  #until = Infinity;
  #waiting = new Set();
  #answered = 0;
  #wrong = 0;
  #latencies = [];
  #errors = {};

  constructor(ask, questions, load) {
    this.#ask = ask;
    this.#questions = questions;
    this.#isOpenLoop = load.inFlight === undefined;
    // Each caller asks for other keys at any one time.
    this.#asked = Math.floor(Math.random() * questions.length);
  }

  get isOver() {
    return this.#until !== Infinity;
  }

  open() {
    this.#from = performance.now();
  }

  close() {
    this.#until = performance.now();
  }

  /** Tells `then` whether an answer came. Without a promise of its own: what the harness costs is charged to every arm. */
  ask(due, then) {
    const question = this.#questions[this.#asked++ % this.#questions.length];
    const request = { due };
    this.#waiting.add(request);
    this.#ask(question).then(
      (isRight) => {
        if (!isRight) this.#wrong += 1;
        const now = this.#end(request);
        if (this.#holds(now)) this.#answered += 1;
        then(true);
      },
      (fault) => {
        this.#count(`${fault.code ?? ''} ${fault.message}`.trim());
        this.#end(request);
        then(false);
      },
    );
  }

  #end(request) {
    this.#waiting.delete(request);
    const now = performance.now();
    if (this.#holds(this.#isOpenLoop ? request.due : now)) this.#latencies.push(now - request.due);
    return now;
  }

  /** After `close`: what was answered late counts with its latency, what wasn't is lost and as late as it is by now. */
  async result() {
    const end = performance.now() + GRACE_MS;
    while (performance.now() < end && this.#waiting.size > 0) await new Promise((again) => setTimeout(again, 10));
    for (const { due } of this.#waiting) {
      if (this.#isOpenLoop && !this.#holds(due)) continue;
      this.#count('no answer');
      this.#latencies.push(performance.now() - due);
    }
    return {
      answered: this.#answered,
      wrong: this.#wrong,
      errors: this.#errors,
      latencies: Float64Array.from(this.#latencies),
    };
  }

  #holds(moment) {
    return moment >= this.#from && moment < this.#until;
  }

  #count(error) {
    this.#errors[error] = (this.#errors[error] ?? 0) + 1;
  }
}
