/** Repeatable choices: the seed is in the test's name or message, so that a failure can be run again. */
export class Random {
  constructor(private state: number) {}

  /** 0 ≤ n < below. (mulberry32) */
  below(below: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  pick<T>(choices: readonly T[]): T {
    const chosen = choices[this.below(choices.length)];
    if (chosen === undefined) throw new Error('Nothing to pick from');
    return chosen;
  }
}
