import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether the text lies there as it is, or in one of the encodings that logs, dumps and files use. */
export function isIn(haystack: Buffer, secret: string): boolean {
  return formsOf(secret).some((form) => haystack.includes(form));
}

function formsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret, 'utf8');
  // Base64 of a text inside another one, at each of the three alignments, without the digits that its neighbours share.
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(4, -4),
  );
  const texts = [
    secret,
    bytes.toString('hex'),
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    ...base64,
  ];
  return [...texts.map((text) => Buffer.from(text)), Buffer.from(secret, 'utf16le')];
}

export function filesUnder(folder: string): Buffer {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Buffer.concat(files.map((file) => readFileSync(join(file.parentPath, file.name))));
}
