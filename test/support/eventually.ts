/**
 * Looks again and again, for what nobody tells; the test's own timeout is the bound. It rests in between: who looks
 * without a pause takes the processor from those whom it waits for.
 */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
