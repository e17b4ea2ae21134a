import { beforeEach, describe, expect, it } from '@jest/globals';
import { type EachBatchPayload } from 'kafkajs';
import { type Chunk, PartitionLanes } from './partition-lanes.ts';
import { Progress } from './partition-progress.ts';

/** Turns of the event loop until all that can go on has. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('the lanes of a consumer’s partitions', () => {
  let lanes: PartitionLanes;
  let atWork: { readonly offsets: string[]; readonly partition: number; readonly finish: () => void }[];
  let paused: number[];
  let resumed: number[];

  beforeEach(() => {
    atWork = [];
    paused = [];
    resumed = [];
    lanes = new PartitionLanes(new Progress(), {
      maxOpen: 100,
      handle: ({ partition, records }: Chunk, over) =>
        new Promise((resolve) => {
          const offsets = records.map(({ offset }) => offset);
          const finish = () => {
            over();
            resolve();
          };
          atWork.push({ offsets, partition, finish });
        }),
    });
  });

  /** Resolves as kafkajs' `eachBatch` would, after which it fetches on. */
  const receive = (partition: number, ...offsets: number[]) => {
    const messages = offsets.map((offset) => ({ offset: String(offset), value: null }));
    const batch = { topic: 'asked', partition, messages, highWatermark: '1000' };
    const pause = () => {
      paused.push(partition);
      return () => resumed.push(partition);
    };
    return lanes.receive({ batch, pause } as unknown as Pick<EachBatchPayload, 'batch' | 'pause'>);
  };
  const offsets = () => atWork.map((work) => work.offsets);

  it('let it fetch on while an idle one begins to work', async () => {
    await receive(0, 1, 2);
    await receive(1, 7);
    await settled();
    expect(offsets()).toEqual([['1', '2'], ['7']]);
    expect(paused).toEqual([]);
  });

  it('handle the batches of a partition one after the other', async () => {
    await receive(0, 1);
    const second = receive(0, 2);
    await settled();
    expect(offsets()).toEqual([['1']]);
    atWork[0]?.finish();
    await settled();
    expect(offsets()).toEqual([['1'], ['2']]);
    atWork[1]?.finish();
    await second;
    expect(paused).toEqual([]);
  });

  it('are paused when they have two batches and are slow, until those are handled', async () => {
    await receive(0, 1);
    await receive(0, 2);
    expect([paused, resumed]).toEqual([[0], []]);
    await receive(1, 7);
    await settled();
    expect(offsets()).toEqual([['1'], ['7']]);
    atWork[0]?.finish();
    await settled();
    expect(resumed).toEqual([]);
    atWork[2]?.finish();
    await settled();
    expect(resumed).toEqual([0]);
  });

  it('are idle again once all is handled', async () => {
    await receive(0, 1);
    await settled();
    atWork[0]?.finish();
    await settled();
    await receive(0, 2);
    await settled();
    expect(offsets()).toEqual([['1'], ['2']]);
    expect(paused).toEqual([]);
  });
});
