/** `npm start`: everything in one process, with no server to install. Loads it here: no second process to signal. */
import { ensureBuilt, ensureInstalled, requireNode } from './prepare.mjs';

requireNode();
ensureInstalled();
ensureBuilt();
await import('../dist/apps/standalone/main.js');
