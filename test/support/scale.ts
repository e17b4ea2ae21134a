/**
 * How many rounds a fault or property test runs: `loops` at LATCHKEY_TEST_SCALE=1 (CI), a tenth of it where the variable
 * is unset, and never fewer than one.
 */
export function scaled(loops: number): number {
  return Math.max(1, Math.round(loops * scale()));
}

/**
 * How long a fault lasts: `ms` at LATCHKEY_TEST_SCALE=1 (CI), and less below it, but never less than `leastMs`, which
 * must be longer than the timeouts that the test is about.
 */
export function scaledMs(ms: number, leastMs: number): number {
  return Math.max(leastMs, Math.min(1, scale()) * ms);
}

/**
 * How long a caller of a fault test rests after an answer: `ms` at LATCHKEY_TEST_SCALE=1 and above, five times as long
 * below it, where other suites run beside it and a lighter load still meets the fault.
 */
export function restMs(ms: number): number {
  return scale() < 1 ? 5 * ms : ms;
}

function scale(): number {
  const scale = Number(process.env['LATCHKEY_TEST_SCALE'] ?? '0.1');
  if (!(scale > 0)) throw new Error('LATCHKEY_TEST_SCALE must be a number above 0');
  return scale;
}
