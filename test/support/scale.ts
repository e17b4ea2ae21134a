/**
 * How many rounds a fault or property test runs: `loops` at LATCHKEY_TEST_SCALE=1 (CI), a tenth of it where the variable
 * is unset, and never fewer than one.
 */
export function scaled(loops: number): number {
  const scale = Number(process.env['LATCHKEY_TEST_SCALE'] ?? '0.1');
  if (!(scale > 0)) throw new Error('LATCHKEY_TEST_SCALE must be a number above 0');
  return Math.max(1, Math.round(loops * scale));
}
