import { latchkey } from './latchkey.mjs';
import { rawEcho } from './raw-echo.mjs';
import { stockDefaults, stockTuned } from './stock-nest.mjs';

/**
 * `serve(options)` resolves when the service answers; `connect(options)` gives `ask(question)`, which tells whether the
 * verdict that came back is the right one and rejects where none came.
 */
export const ARMS = { defaults: stockDefaults, tuned: stockTuned, echo: rawEcho, latchkey };
