/**
 * Who may import whom: the house as a rule set. Conditions are those of the source tree, so that `#keys/…` resolves to libs/keys.
 * @type {import('dependency-cruiser').IConfiguration}
 */
const onlyIn = (name, module, places) => ({
  name,
  comment: `only ${places} may know ${module}`,
  severity: 'error',
  from: { path: '^(apps|libs)/', pathNot: `${places}|\\.spec\\.ts$` },
  to: { path: `node_modules/${module}/` },
});

/** A library, and the libraries that it may build on. */
const builds = (lib, ...on) => ({
  name: `${lib}-stands-on-${on.join('-') || 'nothing'}`,
  severity: 'error',
  from: { path: `^libs/${lib}/`, pathNot: '\\.spec\\.ts$' },
  to: { path: '^libs/', pathNot: `^libs/(${[lib, ...on].join('|')})/` },
});

export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'cycles between injectables throw in ESM',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'apps-do-not-import-apps',
      comment: 'standalone alone composes the others',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/standalone/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    { name: 'libs-do-not-import-apps', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    {
      name: 'code-does-not-import-tests',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(test|bench)/|\\.spec\\.ts$' },
    },
    {
      name: 'the-rules-are-pure',
      comment: 'libs/keys imports nothing, not even Node',
      severity: 'error',
      from: { path: '^libs/keys/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: '^libs/keys/' },
    },
    builds('contracts'),
    builds('credentials', 'contracts'),
    builds('event-store', 'contracts'),
    builds('runtime'),
    builds('key-lookup', 'contracts', 'keys', 'runtime'),
    builds('verification', 'contracts', 'keys', 'key-lookup', 'credentials', 'runtime'),
    builds('client', 'contracts', 'credentials', 'runtime'),
    builds('embedded-event-store', 'runtime'),
    builds('kafka-rpc', 'runtime'),
    onlyIn('only-event-store-knows-eventstoredb', '@eventstore/db-client', '^libs/(event-store|embedded-event-store)/'),
    onlyIn('only-key-lookup-knows-redis', 'ioredis', '^libs/key-lookup/'),
    onlyIn('only-kafka-rpc-knows-kafka', 'kafkajs', '^libs/kafka-rpc/'),
    {
      name: 'nothing-unresolved',
      comment: 'what is built, and what a benchmark installs by itself, need not be there yet',
      severity: 'error',
      from: { pathNot: '^bench/verify-core/rivals/' },
      to: { couldNotResolve: true, pathNot: '(^|/)dist/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['latchkey-source', 'import', 'require', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
