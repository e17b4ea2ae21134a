/** Under load the next round gathers what comes until one of these is back; two, so that neither side waits for the other. */
const MAX_UNDERWAY = 2;
const MAX_ITEMS = 4096;

interface Call<A> {
  readonly items: readonly string[];
  readonly resolve: (answers: readonly A[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers the items of many calls into few lists, and gives each call its own answers. */
export class RoundTrips<A> {
  readonly #answer: (items: readonly string[]) => Promise<readonly A[]>;
  #calls: Call<A>[] = [];
  #underway = 0;
  #isDue = false;

  /** @param answer one for each item, in order */
  constructor(answer: (items: readonly string[]) => Promise<readonly A[]>) {
    this.#answer = answer;
  }

  ask(items: readonly string[]): Promise<readonly A[]> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ items, resolve, reject });
      this.#schedule();
    });
  }

  /** After all that the event loop has in hand: whatever came together goes together. */
  #schedule(): void {
    if (this.#isDue || this.#underway >= MAX_UNDERWAY || this.#calls.length === 0) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      void this.#go(this.#take());
      this.#schedule();
    });
  }

  #take(): readonly Call<A>[] {
    let items = 0;
    let count = 0;
    for (const call of this.#calls) {
      items += call.items.length;
      if (count > 0 && items > MAX_ITEMS) break;
      count += 1;
    }
    return this.#calls.splice(0, count);
  }

  async #go(calls: readonly Call<A>[]): Promise<void> {
    this.#underway += 1;
    try {
      const [only] = calls;
      const items = calls.length === 1 && only !== undefined ? only.items : calls.flatMap((call) => call.items);
      const answers = await this.#answer(items);
      let from = 0;
      for (const { items, resolve } of calls) resolve(answers.slice(from, (from += items.length)));
    } catch (error) {
      for (const { reject } of calls) reject(error);
    } finally {
      this.#underway -= 1;
      this.#schedule();
    }
  }
}
