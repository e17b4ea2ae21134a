/** What is under way; can be waited for to come to an end. */
export class DrainingSet<T> extends Set<T> {
  #onEmpty: (() => void)[] = [];

  /** Resolves once the set is empty, at the latest after `withinMs`; what is in it then has not ended. */
  async drained(withinMs: number): Promise<void> {
    if (this.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onEmpty.push(resolve);
      timer = setTimeout(resolve, withinMs);
    });
    clearTimeout(timer);
  }

  override delete(item: T): boolean {
    const deleted = super.delete(item);
    if (deleted && this.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
    return deleted;
  }
}
