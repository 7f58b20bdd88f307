/**
 * The tokens of a vocabulary as a tree of bytes, so that one walk beside a grammar's machine finds all tokens that may
 * follow: where a byte may not, none below it may. The tree lies flat, in the order of the walk.
 *
 *   token "a" "ab" "b"       byte  a b b      depth  1 2 1      behind  2 2 3      token  0 1 2
 *
 * About 9 bytes of memory for each byte of the tree: 3 MB for a vocabulary of 151,643 tokens.
 */
import type { Machine, State } from "./machine.ts";

/** Longer tokens, rows of spaces mostly, are never allowed: what they say others can say, too. */
const MAX_DEPTH = 200;

export class TokenTrie {
  /** Token ids, those that a mask has no bit for included. */
  readonly size: number;
  /** Bytes of the longest token. */
  readonly longest: number;
  readonly #bytes: Uint8Array;
  readonly #depths: Uint8Array;
  /** The node behind the last one below each. */
  readonly #behind: Int32Array;
  /** −1 where no token ends. */
  readonly #tokens: Int32Array;
  /** Another token of the same bytes, −1 for none. */
  readonly #same: Map<number, number>;
  readonly #bytesOf: (id: number) => Uint8Array;

  /**
   * @param size of the vocabulary
   * @param bytesOf what a token adds to the text; a token without bytes, as those are that command the model, may never
   *   follow
   */
  constructor(size: number, bytesOf: (id: number) => Uint8Array) {
    this.size = size;
    this.#bytesOf = bytesOf;
    const texts = Array.from({ length: size }, (_, id) => bytesOf(id));
    const ids: number[] = [];
    let bytes = 0;
    for (let id = 0; id < size; id++) {
      const { length } = texts[id]!;
      if (length === 0 || length > MAX_DEPTH) continue;
      ids.push(id);
      bytes += length;
    }
    const sorted = sortedBy(ids, texts);
    const nodes = { bytes: new Uint8Array(bytes), depths: new Uint8Array(bytes), behind: new Int32Array(bytes) };
    const tokens = new Int32Array(bytes).fill(-1);
    const same = new Map<number, number>();
    const open: number[] = [];
    let count = 0;
    let before = new Uint8Array();
    for (const id of sorted) {
      const text = texts[id]!;
      const shared = commonBytes(before, text);
      while (open.length > shared) nodes.behind[open.pop()!] = count;
      for (let at = shared; at < text.length; at++) {
        nodes.bytes[count] = text[at]!;
        nodes.depths[count] = at + 1;
        open.push(count++);
      }
      const node = open.at(-1)!;
      if (tokens[node] !== -1) same.set(id, tokens[node]!);
      tokens[node] = id;
      before = text as Uint8Array<ArrayBuffer>;
    }
    while (open.length > 0) nodes.behind[open.pop()!] = count;
    this.#bytes = nodes.bytes.slice(0, count);
    this.#depths = nodes.depths.slice(0, count);
    this.#behind = nodes.behind.slice(0, count);
    this.#tokens = tokens.slice(0, count);
    this.#same = same;
    this.longest = this.#depths.reduce((most, depth) => Math.max(most, depth), 0);
  }

  bytesOf(id: number): Uint8Array {
    return this.#bytesOf(id);
  }

  /** Calls `found` with each token that may follow `state`, until it returns false. */
  walk(machine: Machine, state: State, found: (token: number) => boolean): void {
    const { classes } = machine;
    const states: State[] = [state];
    const count = this.#bytes.length;
    for (let node = 0; node < count; ) {
      const depth = this.#depths[node]!;
      const byte = this.#bytes[node]!;
      const at = states[depth - 1]!;
      const known = at.next[classes[byte]!];
      const next = known === undefined ? machine.step(at, byte) : known;
      if (next === null) {
        node = this.#behind[node]!;
        continue;
      }
      states[depth] = next;
      for (let token: number | undefined = this.#tokens[node]; token !== -1 && token !== undefined; ) {
        if (!found(token)) return;
        token = this.#same.get(token);
      }
      node++;
    }
  }
}

function commonBytes(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a[at] === b[at]) at++;
  return at;
}

/** Ids in the order of their texts. */
function sortedBy(ids: readonly number[], texts: readonly Uint8Array[]): number[] {
  const sorted: number[] = [];
  const sort = (part: readonly number[], at: number): void => {
    if (part.length === 1) {
      sorted.push(part[0]!);
      return;
    }
    const byByte: (number[] | undefined)[] = [];
    for (const id of part) {
      const byte = texts[id]![at];
      if (byte === undefined) sorted.push(id);
      else (byByte[byte] ??= []).push(id);
    }
    for (const list of byByte) if (list) sort(list, at + 1);
  };
  sort(ids, 0);
  return sorted;
}
