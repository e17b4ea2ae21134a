#!/usr/bin/env node
/** `npx latchkey COMMAND`: the operator's commands. Loads them here: no second process to signal. */
import { ensureBuilt, ensureInstalled, requireNode } from './prepare.mjs';

requireNode();
ensureInstalled();
ensureBuilt();
await import('../dist/bin/latchkey.js');
