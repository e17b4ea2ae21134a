import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import kafkajsFetch from 'kafkajs/src/protocol/requests/fetch/v11/request.js';
import { encodeFetchRequest } from './fetch-request.ts';

const requests = fc.record({
  maxWaitMs: fc.nat(),
  minBytes: fc.nat(),
  maxBytes: fc.nat(),
  isolationLevel: fc.constantFrom(0, 1),
  rackId: fc.string(),
  topics: fc.array(
    fc.record({
      topic: fc.string({ unit: 'binary' }),
      partitions: fc.array(
        fc.record({
          partition: fc.nat(),
          fetchOffset: fc.bigInt({ min: -2n, max: 2n ** 63n - 1n }).map(String),
          maxBytes: fc.nat(),
        }),
      ),
    }),
  ),
});

it('writes what kafkajs writes, byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(requests, async (request) => {
      const { maxWaitMs: maxWaitTime, ...others } = request;
      const its = await kafkajsFetch({ replicaId: -1, maxWaitTime, ...others }).encode();
      expect(encodeFetchRequest(request).equals(its.buffer)).toBe(true);
    }),
  );
});
