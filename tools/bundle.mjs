/**
 * Puts each program into one file, `dist/bin/<name>.js`, with nearly all that it imports: Node takes most of a second, on
 * every start and restart, to find and read the two thousand files that these are otherwise.
 */
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './prepare.mjs';

const PROGRAMS = {
  auth: 'apps/auth/main.js',
  command: 'apps/command/main.js',
  'event-store': 'libs/embedded-event-store/main.js',
  gateway: 'apps/gateway/main.js',
  latchkey: 'apps/ops/main.js',
  projector: 'apps/projector/main.js',
  standalone: 'apps/standalone/main.js',
};

/** Left where they are: they find files of their own beside themselves, or must be loaded first. */
const LEFT_OUT = ['lmdb', 'pino', 'pino-pretty', 'reflect-metadata'];

/** Asked for by packages that do without: whatever isn't installed is looked for when it is needed, as ever. */
const leaveOutWhatIsMissing = {
  name: 'leave out what is missing',
  setup(bundle) {
    bundle.onResolve({ filter: /^[^./#]/ }, async ({ path, pluginData, ...where }) => {
      if (pluginData === leaveOutWhatIsMissing || builtinModules.includes(path)) return undefined;
      const found = await bundle.resolve(path, { ...where, pluginData: leaveOutWhatIsMissing });
      return found.errors.length > 0 ? { path, external: true } : found;
    });
  },
};

await build({
  absWorkingDir: root,
  entryPoints: Object.entries(PROGRAMS).map(([out, main]) => ({ in: join('dist', main), out })),
  outdir: 'dist/bin',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  external: LEFT_OUT,
  // Names of classes are what Nest tells its modules by, and what logs say.
  keepNames: true,
  sourcemap: true,
  logLevel: 'warning',
  plugins: [leaveOutWhatIsMissing],
  banner: {
    js: [
      "import 'reflect-metadata';",
      "import { createRequire as requireFrom } from 'node:module';",
      'const require = requireFrom(import.meta.url);',
    ].join(' '),
  },
});
