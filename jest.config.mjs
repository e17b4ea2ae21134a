/**
 * Two projects. `unit`: specs beside their source; pure or in one process. `integration`: everything under test/,
 * which starts servers and processes of its own. `npm test` runs both through tools/test.mjs.
 */
const shared = {
  rootDir: import.meta.dirname,
  // Not below TMPDIR, which `npm test` makes anew for each run: what is transformed once is good until it is changed.
  cacheDirectory: `${import.meta.dirname}/node_modules/.cache/jest`,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  setupFiles: ['reflect-metadata'],
  modulePathIgnorePatterns: ['<rootDir>/dist'],
  testEnvironmentOptions: {
    customExportConditions: ['latchkey-source', 'node', 'node-addons'],
    // The generated protobuf code keeps its types on the global object.
    globalsCleanup: 'off',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          target: 'es2023',
          keepClassNames: true,
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'nodenext' },
        sourceMaps: 'inline',
      },
    ],
  },
};

export default {
  coverageProvider: 'v8',
  globalSetup: `${import.meta.dirname}/test/support/begin-run.mjs`,
  globalTeardown: `${import.meta.dirname}/test/support/end-run.mjs`,
  // Jest reads it here only, not in a project. Tests start processes, on machines that are busy, and loop as often as
  // LATCHKEY_TEST_SCALE says; what never ends shall still end.
  testTimeout: 60_000 + 600_000 * Number(process.env.LATCHKEY_TEST_SCALE ?? '0.1'),
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/{apps,libs}/**/*.spec.ts'] },
    { ...shared, displayName: 'integration', testMatch: ['<rootDir>/test/**/*.spec.ts'] },
  ],
};
