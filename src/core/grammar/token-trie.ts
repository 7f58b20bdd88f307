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
    const texts = new Texts(size, bytesOf);
    const sorted = texts.sorted();
    // How many bytes each has in common with the one before.
    const shared = new Uint8Array(sorted.length);
    let count = 0;
    for (let i = 0; i < sorted.length; i++) {
      if (i > 0) shared[i] = texts.common(sorted[i - 1]!, sorted[i]!);
      count += texts.length(sorted[i]!) - shared[i]!;
    }
    this.#bytes = new Uint8Array(count);
    this.#depths = new Uint8Array(count);
    this.#behind = new Int32Array(count);
    this.#tokens = new Int32Array(count).fill(-1);
    this.#same = new Map();
    /** The nodes on the way to the last one, by depth. */
    const open = new Int32Array(MAX_DEPTH);
    let depth = 0;
    let node = 0;
    let longest = 0;
    for (let i = 0; i < sorted.length; i++) {
      const id = sorted[i]!;
      const length = texts.length(id);
      longest = Math.max(longest, length);
      while (depth > shared[i]!) this.#behind[open[--depth]!] = node;
      while (depth < length) {
        this.#bytes[node] = texts.byte(id, depth);
        open[depth++] = node;
        this.#depths[node++] = depth;
      }
      const last = open[depth - 1]!;
      if (this.#tokens[last] !== -1) this.#same.set(id, this.#tokens[last]!);
      this.#tokens[last] = id;
    }
    while (depth > 0) this.#behind[open[--depth]!] = node;
    this.longest = longest;
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

/** The texts of tokens behind each other, without those that are too long or empty. */
class Texts {
  readonly #starts: Int32Array;
  #bytes = new Uint8Array(1 << 16);

  constructor(size: number, bytesOf: (id: number) => Uint8Array) {
    this.#starts = new Int32Array(size + 1);
    let end = 0;
    for (let id = 0; id < size; id++) {
      this.#starts[id] = end;
      const text = bytesOf(id);
      if (text.length > MAX_DEPTH) continue;
      if (end + text.length > this.#bytes.length) this.#grow();
      this.#bytes.set(text, end);
      end += text.length;
    }
    this.#starts[size] = end;
  }

  #grow(): void {
    const bytes = new Uint8Array(2 * this.#bytes.length);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }

  length(id: number): number {
    return this.#starts[id + 1]! - this.#starts[id]!;
  }

  byte(id: number, at: number): number {
    return this.#bytes[this.#starts[id]! + at]!;
  }

  /** How many bytes two have in common at their beginning. */
  common(a: number, b: number): number {
    const most = Math.min(this.length(a), this.length(b));
    let at = 0;
    while (at < most && this.byte(a, at) === this.byte(b, at)) at++;
    return at;
  }

  /**
   * Ids of the texts that are not empty, in the order of the texts. What is sorted is a number of the first four bytes
   * and the id; only where the four bytes are equal are the rest compared.
   */
  sorted(): Int32Array {
    const size = this.#starts.length - 1;
    const keys = new Float64Array(size);
    let count = 0;
    for (let id = 0; id < size; id++) {
      const length = this.length(id);
      if (length === 0) continue;
      let head = 0;
      for (let at = 0; at < HEAD; at++) head = head * 256 + (at < length ? this.byte(id, at) : 0);
      keys[count++] = head * MAX_SIZE + id;
    }
    const heads = keys.subarray(0, count).sort();
    const ids = Int32Array.from(heads, (key) => key % MAX_SIZE);
    for (let from = 0, to = 0; from < count; from = to) {
      const head = Math.floor(heads[from]! / MAX_SIZE);
      for (to = from + 1; to < count && Math.floor(heads[to]! / MAX_SIZE) === head; ) to++;
      if (to - from > 1) ids.subarray(from, to).sort((a, b) => this.#compare(a, b));
    }
    return ids;
  }

  #compare(a: number, b: number): number {
    const at = this.common(a, b);
    const restA = this.length(a) - at;
    const restB = this.length(b) - at;
    return restA === 0 || restB === 0 ? restA - restB : this.byte(a, at) - this.byte(b, at);
  }
}

/** Bytes that a number holds beside an id, and how many ids there are then: 53 bits in all. */
const HEAD = 4;
const MAX_SIZE = 2 ** 21;
