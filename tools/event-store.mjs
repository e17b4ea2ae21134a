/** `npm run event-store -- --data DIR --port 2113`: the embedded event store alone. */
import { ensureBuilt, ensureInstalled, requireNode } from './prepare.mjs';

requireNode();
ensureInstalled();
ensureBuilt();
await import('../dist/bin/event-store.js');
