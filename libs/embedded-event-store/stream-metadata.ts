/** EventStoreDB's mark of a soft-deleted stream: truncated before the revision that only a tombstone has. */
export const TOMBSTONE_REVISION = 2n ** 63n - 1n;
const SOFT_DELETED_FROM = Number(TOMBSTONE_REVISION);

/** What a stream's metadata say about reading it. `truncateBefore`: revisions below are gone; `maxAgeMs` in ms. */
export interface StreamMetadata {
  readonly softDeleted: boolean;
  readonly truncateBefore: number;
  readonly maxCount?: number;
  readonly maxAgeMs?: number;
}

export const NO_METADATA: StreamMetadata = { softDeleted: false, truncateBefore: 0 };

/** A metadata stream has fixed metadata of its own: only its last event counts. */
export const METADATA_OF_METADATA: StreamMetadata = { softDeleted: false, truncateBefore: 0, maxCount: 1 };

export function isMetadataStream(stream: string): boolean {
  return stream.startsWith('$$');
}

export function metadataStreamOf(stream: string): string {
  return `$$${stream}`;
}

export function streamOfMetadata(metadataStream: string): string {
  return metadataStream.slice(2);
}

/** The last `$metadata` event's data. Anything that can't be read as metadata counts as none, as on EventStoreDB. */
export function parseMetadata(data: Uint8Array): StreamMetadata {
  const fields = parseObject(data);
  const truncateBefore = wholeNumber(fields['$tb']);
  const maxCount = wholeNumber(fields['$maxCount']);
  const maxAge = wholeNumber(fields['$maxAge']);
  return {
    softDeleted: truncateBefore !== undefined && truncateBefore >= SOFT_DELETED_FROM,
    truncateBefore: truncateBefore ?? 0,
    ...(maxCount === undefined ? {} : { maxCount }),
    ...(maxAge === undefined ? {} : { maxAgeMs: maxAge * 1000 }),
  };
}

/** What a soft deletion writes: it replaces all other metadata. Spelt out, since no JS number is 2⁶³−1. */
export const SOFT_DELETION = Buffer.from(`{"$tb":${TOMBSTONE_REVISION}}`);

/** Metadata that undo a soft deletion: the rest stays, and what was there before the new events stays hidden. */
export function recreatedFrom(data: Uint8Array | undefined, revision: number): Buffer {
  const fields = data === undefined ? {} : parseObject(data);
  return Buffer.from(JSON.stringify({ ...fields, $tb: revision }));
}

/** The oldest revision that a read of the stream may show. */
export function oldestVisible(metadata: StreamMetadata, last: number): number {
  const byCount = metadata.maxCount === undefined ? 0 : last - metadata.maxCount + 1;
  return Math.max(0, byCount, metadata.truncateBefore);
}

function parseObject(data: Uint8Array): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined;
}
