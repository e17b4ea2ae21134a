import { type Writable } from 'node:stream';

const REDRAW_MS = 100;

/**
 * The last line of a terminal, drawn over itself. Of our own, because the progress bar of @clack/prompts takes standard
 * input over: rows may come from there, and Ctrl-C would end the process with code 0 before anything is told.
 */
export class ProgressLine {
  #drawnMs = -Infinity;
  #isShown = false;

  constructor(private readonly terminal: Writable & { readonly columns?: number }) {}

  show(text: () => string): void {
    const nowMs = performance.now();
    if (nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    this.#isShown = true;
    // One that wraps could not be drawn over.
    this.terminal.write(`\r\u001b[K${text().slice(0, (this.terminal.columns ?? 80) - 1)}`);
  }

  /** Before anything else is written. */
  clear(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.terminal.write('\r\u001b[K');
  }
}
