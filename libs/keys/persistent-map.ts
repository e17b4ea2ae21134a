import { keyedHash } from './keyed-hash.ts';

/**
 * A map that never changes: `set` and `delete` give a new one that shares all but the path to the entry, so folding one
 * event into a state that remembers 10,000 costs the same few array copies as into an empty one, and a state that is
 * kept (in a cache, under a concurrent decision) stays as it was. A hash array mapped trie: 32-way branches by five
 * bits of the key's hash at a time, and a chain where whole hashes collide.
 */
export class PersistentMap<Value> {
  static readonly #empty = new PersistentMap<never>(undefined, 0, keyedHash);

  /** @param hashOf 32 bits; another than the keyed one is for tests of what happens when hashes collide. */
  static empty<Value>(hashOf = keyedHash): PersistentMap<Value> {
    return hashOf === keyedHash ? PersistentMap.#empty : new PersistentMap<Value>(undefined, 0, hashOf);
  }

  readonly #root: Node<Value> | undefined;
  readonly size: number;
  readonly #hashOf: (key: string) => number;

  private constructor(root: Node<Value> | undefined, size: number, hashOf: (key: string) => number) {
    this.#root = root;
    this.size = size;
    this.#hashOf = hashOf;
  }

  get(key: string): Value | undefined {
    return find(this.#root, this.#hashOf(key), key)?.value;
  }

  has(key: string): boolean {
    return find(this.#root, this.#hashOf(key), key) !== undefined;
  }

  set(key: string, value: Value): PersistentMap<Value> {
    const hash = this.#hashOf(key);
    const known = find(this.#root, hash, key);
    if (known !== undefined && Object.is(known.value, value)) return this;
    const leaf = { hash, key, value, next: undefined };
    if (known === undefined) return new PersistentMap(insert(this.#root, 0, leaf), this.size + 1, this.#hashOf);
    return new PersistentMap(insert(remove(this.#root, 0, hash, key), 0, leaf), this.size, this.#hashOf);
  }

  delete(key: string): PersistentMap<Value> {
    const hash = this.#hashOf(key);
    if (find(this.#root, hash, key) === undefined) return this;
    return new PersistentMap(remove(this.#root, 0, hash, key), this.size - 1, this.#hashOf);
  }

  /** In no particular order. */
  *values(): Generator<Value, void, undefined> {
    const pending = this.#root === undefined ? [] : [this.#root];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if ('children' in node) pending.push(...node.children);
      else for (let leaf: Leaf<Value> | undefined = node; leaf !== undefined; leaf = leaf.next) yield leaf.value;
    }
  }
}

type Node<Value> = Branch<Value> | Leaf<Value>;

interface Branch<Value> {
  /** Bit i: there is a child for the five hash bits i; children stand in the order of the bits. */
  readonly bitmap: number;
  readonly children: readonly Node<Value>[];
}

interface Leaf<Value> {
  readonly hash: number;
  readonly key: string;
  readonly value: Value;
  /** Another key with the very same hash. */
  readonly next: Leaf<Value> | undefined;
}

const BITS = 5;
const { imul } = Math;

function find<Value>(root: Node<Value> | undefined, hash: number, key: string): Leaf<Value> | undefined {
  let node = root;
  for (let shift = 0; node !== undefined && 'children' in node; shift += BITS) {
    const bit = bitAt(hash, shift);
    node = (node.bitmap & bit) === 0 ? undefined : node.children[indexOf(node.bitmap, bit)];
  }
  let leaf = node;
  while (leaf !== undefined && leaf.key !== key) leaf = leaf.next;
  return leaf;
}

function insert<Value>(node: Node<Value> | undefined, shift: number, leaf: Leaf<Value>): Node<Value> {
  if (node === undefined) return leaf;
  if (!('children' in node)) {
    if (node.hash !== leaf.hash) return split(node, leaf, shift);
    return { ...leaf, next: node };
  }
  const bit = bitAt(leaf.hash, shift);
  const index = indexOf(node.bitmap, bit);
  const children = node.children.slice();
  if ((node.bitmap & bit) === 0) children.splice(index, 0, leaf);
  else children[index] = insert(children[index], shift + BITS, leaf);
  return { bitmap: node.bitmap | bit, children };
}

function split<Value>(one: Leaf<Value>, other: Leaf<Value>, shift: number): Branch<Value> {
  const oneBit = bitAt(one.hash, shift);
  const otherBit = bitAt(other.hash, shift);
  if (oneBit === otherBit) return { bitmap: oneBit, children: [split(one, other, shift + BITS)] };
  // Unsigned: bit 31 is the last child, not a negative number.
  return { bitmap: oneBit | otherBit, children: oneBit >>> 0 < otherBit >>> 0 ? [one, other] : [other, one] };
}

function remove<Value>(
  node: Node<Value> | undefined,
  shift: number,
  hash: number,
  key: string,
): Node<Value> | undefined {
  if (node === undefined) return undefined;
  if (!('children' in node)) return without(node, key);
  const bit = bitAt(hash, shift);
  const index = indexOf(node.bitmap, bit);
  const child = remove(node.children[index], shift + BITS, hash, key);
  const children = node.children.slice();
  if (child !== undefined) {
    children[index] = child;
    // A lone leaf needs no branch above it.
    return children.length === 1 && !('children' in child) ? child : { bitmap: node.bitmap, children };
  }
  children.splice(index, 1);
  const [only] = children;
  if (only === undefined || (children.length === 1 && !('children' in only))) return only;
  return { bitmap: node.bitmap & ~bit, children };
}

/** A loop and no recursion: the chain is as long as whoever chooses the keys can make it. */
function without<Value>(chain: Leaf<Value>, key: string): Leaf<Value> | undefined {
  let rest: Leaf<Value> | undefined;
  for (let leaf: Leaf<Value> | undefined = chain; leaf !== undefined; leaf = leaf.next) {
    if (leaf.key !== key) rest = { ...leaf, next: rest };
  }
  return rest;
}

function bitAt(hash: number, shift: number): number {
  return 1 << ((hash >>> shift) & 31);
}

function indexOf(bitmap: number, bit: number): number {
  let below = bitmap & (bit - 1);
  below -= (below >>> 1) & 0x5555_5555;
  below = (below & 0x3333_3333) + ((below >>> 2) & 0x3333_3333);
  return imul((below + (below >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
