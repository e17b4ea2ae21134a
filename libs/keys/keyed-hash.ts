/** Drawn once per process, so that nobody outside can choose texts whose hashes collide (as commandIds could be). */
const [k0 = 0, k1 = 0] = crypto.getRandomValues(new Int32Array(2));

/** HalfSipHash-1-3 of a text's UTF-16 code units, two to a word: 32 bits, unsigned (Aumasson and Bernstein, 2012). */
export function keyedHash(text: string): number {
  const v = { a: k0, b: k1, c: 0x6c79_6765 ^ k0, d: 0x7465_6462 ^ k1 };
  const { length } = text;
  for (let index = 0; index + 1 < length; index += 2) {
    absorb(v, text.charCodeAt(index) | (text.charCodeAt(index + 1) << 16));
  }
  absorb(v, (length << 24) | (length % 2 === 1 ? text.charCodeAt(length - 1) : 0));
  v.c ^= 0xff;
  round(v);
  round(v);
  round(v);
  return (v.b ^ v.d) >>> 0;
}

interface State {
  a: number;
  b: number;
  c: number;
  d: number;
}

function absorb(v: State, word: number): void {
  v.d ^= word;
  round(v);
  v.a ^= word;
}

function round(v: State): void {
  v.a = (v.a + v.b) | 0;
  v.b = rotated(v.b, 5) ^ v.a;
  v.a = rotated(v.a, 16);
  v.c = (v.c + v.d) | 0;
  v.d = rotated(v.d, 8) ^ v.c;
  v.a = (v.a + v.d) | 0;
  v.d = rotated(v.d, 7) ^ v.a;
  v.c = (v.c + v.b) | 0;
  v.b = rotated(v.b, 13) ^ v.c;
  v.c = rotated(v.c, 16);
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
