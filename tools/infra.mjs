/** `npm run infra`: Kafka, Redis and the event store, natively and in the background; `-- down`, `-- status`. */
import { ensureBuilt, ensureInstalled, requireNode } from './prepare.mjs';

requireNode();
ensureInstalled();
ensureBuilt();
await import('../deploy/native/infra.mjs');
