/**
 * A write had no end. LMDB refuses everything after a failed write of its own bookkeeping (MDB_PANIC), and lmdb then never
 * settles: whether the last write is stored only a restart tells.
 */
export class StoreBroken extends Error {
  override readonly name = 'StoreBroken';
}

/** @throws {StoreBroken} when the disk takes longer than `ms` */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const broken = () => reject(new StoreBroken(`The event store’s disk gave no answer within ${ms} ms.`));
    timer = setTimeout(broken, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
