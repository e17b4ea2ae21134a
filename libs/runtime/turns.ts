/** Lets what concerns one name happen one after the other, in order of arrival; different names don't wait for another. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** `work` is told whether somebody was before it. Its failure is its caller's alone; the next one runs all the same. */
  async run<T>(name: string, work: (waited: boolean) => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const turn = before === undefined ? work(false) : before.then(() => work(true));
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(name, settled);
    try {
      return await turn;
    } finally {
      if (this.#last.get(name) === settled) this.#last.delete(name);
    }
  }
}
