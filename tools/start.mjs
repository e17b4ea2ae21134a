/** `npm start`: everything in one process, with no server to install. Loads it here: no second process to signal. */
import module from 'node:module';
import { ensureBuilt, ensureInstalled, requireNode } from './prepare.mjs';

requireNode();
ensureInstalled();
ensureBuilt();
// Where Node has it (22.8), compiled code is kept for the next start.
module.enableCompileCache?.();
await import('../dist/bin/standalone.js');
