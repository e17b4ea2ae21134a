import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { KEY_EVENT_TYPES, keyEventMetadata, parseKeyEvent } from './parse-key-event.ts';

const EXAMPLE = /^```json (\w+)\n([\s\S]*?)^```$/gm;

describe('docs/events.md', () => {
  const text = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');
  const examples = new Map(
    [...text.matchAll(EXAMPLE)].map(([, name, json]) => [name!, JSON.parse(json!) as Record<string, unknown>]),
  );
  const metadata = examples.get('metadata');

  it('shows each event once, under its name, in the order of the code', () => {
    expect([...text.matchAll(/^```json (\w+)$/gm)].map(([, name]) => name)).toEqual(['metadata', ...KEY_EVENT_TYPES]);
    const headings = [...text.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
    expect(headings).toEqual(['Metadata', ...KEY_EVENT_TYPES]);
  });

  it.each(KEY_EVENT_TYPES)('shows a %s that is read as it stands, with no field more or less', (type) => {
    const { commandId, digest } = metadata as { commandId: string; digest: string };
    expect(parseKeyEvent(type, examples.get(type), metadata)).toEqual({
      outcome: 'event',
      event: { type, data: examples.get(type) },
      commandId,
      digest,
    });
    expect(keyEventMetadata(type, { commandId, digest })).toEqual(metadata);
  });
});
