import { describe } from '@jest/globals';

/** Something that a machine may lack: `missing()` says why it can't be had, or nothing where it is there. */
export interface Requirement {
  readonly name: string;
  readonly missing: () => string | undefined;
}

/**
 * `requires(redisServer)('suite', () => …)`: a `describe` whose tests are skipped, by name and with the reason, where the
 * machine lacks what they need. The runner prints them and counts them; with CI=true a skipped test fails the run.
 */
export function requires(...requirements: readonly Requirement[]): (name: string, suite: () => void) => void {
  const reasons = requirements.flatMap(({ name, missing }) => {
    const reason = missing();
    return reason === undefined ? [] : [`needs ${name}: ${reason}`];
  });
  return (name, suite) => {
    if (reasons.length === 0) describe(name, suite);
    else describe.skip(`${name} [left out: ${reasons.join('; ')}]`, suite);
  };
}
