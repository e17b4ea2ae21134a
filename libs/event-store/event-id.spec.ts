import { describe, expect, it } from '@jest/globals';
import { deterministicEventId, uuidV5 } from './event-id.ts';

describe('a version 5 UUID', () => {
  const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
  const URL = '6ba7b811-9dad-11d1-80b4-00c04fd430c8';

  it('is that of RFC 9562, appendix A.4', () => {
    expect(uuidV5(DNS, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('is that of Python’s uuid module for other names', () => {
    expect(uuidV5(DNS, 'python.org')).toBe('886313e1-3b8a-5372-9b90-0c9aee199e5d');
    expect(uuidV5(URL, 'https://example.org/ä?€=😀')).toBe('54bc6db9-0f12-5c26-99cc-ec217378dc43');
  });
});

describe('a deterministic event id', () => {
  it('is the same for the same parts and looks like a version 5 UUID', () => {
    const id = deterministicEventId(['user', 'command', 'digest', '0']);
    expect(deterministicEventId(['user', 'command', 'digest', '0'])).toBe(id);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('differs wherever the parts differ, also in where one ends', () => {
    const lists = [
      [],
      [''],
      ['', ''],
      ['a', 'bc'],
      ['ab', 'c'],
      ['abc'],
      ['a","b'],
      ['a', 'b'],
      ['a\u0000b'],
      ['\ud800'],
      ['\ud801'],
      ['\ufffd'],
      ['é'],
      ['e\u0301'],
    ];
    expect(new Set(lists.map(deterministicEventId)).size).toBe(lists.length);
  });
});
