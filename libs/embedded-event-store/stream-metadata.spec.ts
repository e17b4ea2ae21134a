import { describe, expect, it } from '@jest/globals';
import { NO_METADATA, oldestVisible, parseMetadata, recreatedFrom, SOFT_DELETION } from './stream-metadata.ts';

const metadata = (value: unknown) => parseMetadata(Buffer.from(JSON.stringify(value)));

describe('stream metadata', () => {
  it('hide what is beyond a count, an edge, or both', () => {
    expect(oldestVisible(metadata({ $maxCount: 3 }), 9)).toBe(7);
    expect(oldestVisible(metadata({ $tb: 4 }), 9)).toBe(4);
    expect(oldestVisible(metadata({ $tb: 8, $maxCount: 3 }), 9)).toBe(8);
    expect(oldestVisible(metadata({ $maxCount: 100 }), 9)).toBe(0);
  });

  it('count the age in seconds', () => {
    expect(metadata({ $maxAge: 2 }).maxAgeMs).toBe(2_000);
  });

  it('mark a soft deletion, which a recreation replaces, keeping the rest', () => {
    expect(parseMetadata(SOFT_DELETION).softDeleted).toBe(true);
    const recreated = recreatedFrom(Buffer.from('{"$tb":9223372036854775807,"team":"a"}'), 5);
    expect(JSON.parse(recreated.toString())).toEqual({ $tb: 5, team: 'a' });
    expect(parseMetadata(recreated)).toMatchObject({ softDeleted: false, truncateBefore: 5 });
  });

  it.each(['', 'no json', '[]', '1', 'null', '{"$tb":-1,"$maxCount":"3"}'])(
    'count as none when they are none: %s',
    (text) => {
      expect(parseMetadata(Buffer.from(text))).toEqual(NO_METADATA);
    },
  );
});
