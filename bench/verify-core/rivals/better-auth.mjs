/**
 * One arm of bench/verify-core: `@better-auth/api-key` in a process of its own. It gets what its options can do for speed
 * (no rate limit, its telemetry and logs off) and a thousandth of the keys; hashing stays, as in ours.
 * Arguments: `sqlite` (better-sqlite3, WAL, in a folder that is named) or `memory` (a Map as its secondary storage).
 */
import { join } from 'node:path';
import { apiKey } from '@better-auth/api-key';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import Database from 'better-sqlite3';
import { serve } from '../load.mjs';

const KEYS = 1_000;
const [storage, folder] = process.argv.slice(2);
const database = new Database(join(folder, `${storage}.sqlite`));
database.pragma('journal_mode = WAL');
database.pragma('synchronous = NORMAL');
const memory = new Map();
const inMemory = {
  storage: 'secondary-storage',
  customStorage: {
    get: (name) => memory.get(name) ?? null,
    set: (name, text) => void memory.set(name, text),
    delete: (name) => void memory.delete(name),
  },
};
const options = {
  database,
  secret: 'a secret of the benchmark, not of anything else',
  baseURL: 'http://127.0.0.1',
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  logger: { disabled: true },
  plugins: [
    apiKey({
      rateLimit: { enabled: false },
      ...(storage === 'memory' && inMemory),
      permissions: { defaultPermissions: { insight: ['read'], feature_flag: ['write'] } },
    }),
  ],
};
await (await getMigrations(options)).runMigrations();
const auth = betterAuth(options);
const { user } = await auth.api.signUpEmail({
  body: { email: 'ann@example.com', password: 'a long password', name: 'Ann' },
});
const values = [];
for (let nth = 0; nth < KEYS; nth++) {
  const { key } = await auth.api.createApiKey({ body: { userId: user.id } });
  values.push(key);
}

serve(async (nth) => {
  const { valid } = await auth.api.verifyApiKey({
    body: { key: values[nth % KEYS], permissions: { feature_flag: ['write'] } },
  });
  if (!valid) throw new Error('A good key was refused.');
});
