/** A server of one arm, as a process of its own. Options come as JSON in the first argument. */
import { ARMS } from './arms.mjs';

const { arm, ...options } = JSON.parse(process.argv[2]);
process.on('disconnect', () => process.exit());
await ARMS[arm].serve(options);
process.send({ kind: 'ready' });
