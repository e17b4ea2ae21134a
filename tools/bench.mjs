/** `npm run bench -- NAME`: builds, then runs bench/NAME.mjs, which prints a table. Without a name: which there are. More arguments are its own. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, fail, requireNode, root } from './prepare.mjs';

const benches = readdirSync(join(root, 'bench')).flatMap((file) => (file.endsWith('.mjs') ? [file.slice(0, -4)] : []));
const name = process.argv[2];
if (!benches.includes(name)) fail(`npm run bench -- NAME, one of: ${benches.join(', ')}`);

requireNode();
ensureInstalled();
ensureBuilt();
await import(`../bench/${name}.mjs`);
