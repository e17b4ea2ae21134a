/** `npm run cluster`: the native servers, the topics, and each service as a process of its own, with one log. Ctrl-C ends it. */
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, requireNode, root } from './prepare.mjs';

requireNode();
ensureInstalled();
ensureBuilt();
process.argv.splice(2, 0, join(root, 'deploy/native/services.mjs'));
await import('../deploy/native/run-all.mjs');
