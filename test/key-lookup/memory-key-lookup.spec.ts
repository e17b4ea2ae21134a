import { MemoryKeyLookup } from '#key-lookup/memory-key-lookup';
import { keyLookupContract } from './key-lookup-contract.ts';

keyLookupContract('the lookup in memory', () => {
  const store = new MemoryKeyLookup();
  return Promise.resolve({
    store,
    reader: (options) => Promise.resolve(store.reader(options)),
    close: () => Promise.resolve(),
  });
});
