/**
 * Byte-level BPE over token ids: a piece of bytes starts as single-byte tokens, and the pair that was learnt first is
 * merged until none is left (Sennrich et al. 2016, §3.2; GPT-2's bytes). Everything lies in typed arrays, because the
 * table shares an isolate with the weights: 3 MB for SmolLM2's 49152 tokens, where maps of strings take 18 MB.
 *
 *   merges   open addressing, slot = 3 × int32: left id, right id, rank + 1 (0 marks an empty slot)
 *   bytes    the tokens' bytes end to end; token `id` is [starts[id], starts[id + 1])
 */
import { OutriderError } from "./errors.ts";
import { FewestTokens } from "./fewest-tokens.ts";
import type { Sliced } from "./sliced.ts";

/**
 * GPT-2's alphabet: printable Latin-1 characters stand for their own byte, the other 68 bytes for U+0100, U+0101, …
 * `CHAR_OF[byte]` is a UTF-16 unit, `BYTE_OF[unit]` the way back.
 */
const CHAR_OF = new Uint16Array(256);
const BYTE_OF = new Uint8Array(0x144);
for (let byte = 0, next = 0x100; byte < 256; byte++) {
  const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  CHAR_OF[byte] = printable ? byte : next++;
  BYTE_OF[CHAR_OF[byte]!] = byte;
}

/** Bytes of a piece for whose tokens there is room from the beginning. */
const SHORT = 256;

/** Pairs of a long piece that are looked at in a slice: less than a millisecond. */
const PAIRS = 4096;

/**
 * A piece that is being merged: a list of tokens, with for each the token before it and the one after it. A merged token
 * takes the place of its left half, −1 marks the right one.
 */
class Merging {
  readonly ids: Int32Array;
  readonly before: Int32Array;
  readonly after: Int32Array;
  readonly queue = new MergeQueue();
  length = 0;
  /** Tokens whose pair with the next one was looked up. */
  paired = 0;

  constructor(room: number) {
    this.ids = new Int32Array(room);
    this.before = new Int32Array(room);
    this.after = new Int32Array(room);
  }
}

export class Bpe {
  /** Token of each single byte, −1 where the vocabulary has none: such bytes are left out of a text. */
  readonly #byteIds = new Int32Array(256).fill(-1);
  readonly #slots: Int32Array;
  readonly #slotMask: number;
  /** The token that the merge of a rank makes. */
  readonly #mergedIds: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #starts: Uint32Array;
  readonly #fewest: FewestTokens;
  /** Most pieces are short, and none of these is merged while another is. */
  readonly #short = new Merging(SHORT);
  /** Id + 1 by a hash of the token's bytes, open addressing; empty unless whole pieces are looked up. */
  readonly #whole: Int32Array;

  /**
   * `tokens` by id in GPT-2's printable alphabet, null where there is none; `merges` as "left right", the first learnt
   * first. With `ignoreMerges` a piece that is a token is that token, whatever its merges would make of it (Llama 3).
   * Throws `bad_tokenizer` at a merge of tokens that do not exist or a token outside the alphabet.
   */
  constructor(tokens: readonly (string | null)[], merges: readonly string[], ignoreMerges = false) {
    const ids = new Map<string, number>();
    this.#starts = new Uint32Array(tokens.length + 1);
    for (const [id, token] of tokens.entries()) {
      if (token !== null) ids.set(token, id);
      this.#starts[id + 1] = this.#starts[id]! + (token?.length ?? 0);
    }
    this.#bytes = new Uint8Array(this.#starts[tokens.length]!);
    for (const [id, token] of tokens.entries()) {
      if (token !== null) this.#bytes.set(spelledBytes(token), this.#starts[id]);
    }
    for (let byte = 0; byte < 256; byte++) this.#byteIds[byte] = ids.get(String.fromCharCode(CHAR_OF[byte]!)) ?? -1;

    this.#slotMask = 2 ** Math.ceil(Math.log2(merges.length * 2 + 2)) - 1;
    this.#slots = new Int32Array((this.#slotMask + 1) * 3);
    this.#mergedIds = new Int32Array(merges.length);
    for (const [rank, merge] of merges.entries()) {
      const space = merge.indexOf(" ");
      const left = ids.get(merge.slice(0, space));
      const right = ids.get(merge.slice(space + 1));
      const merged = ids.get(merge.slice(0, space) + merge.slice(space + 1));
      if (left === undefined || right === undefined || merged === undefined) {
        throw new OutriderError(
          "bad_tokenizer",
          `merge ${rank} (${JSON.stringify(merge)}) needs a token that does not exist`,
        );
      }
      this.#mergedIds[rank] = merged;
      this.#slots.set([left, right, rank + 1], this.#find(left, right));
    }
    const all = Array.from(tokens.keys(), (id) => this.bytesOf(id));
    // A byte without a token is left out of a text.
    this.#fewest = new FewestTokens(all, 256, 0);
    this.#whole = new Int32Array(ignoreMerges ? 2 ** Math.ceil(Math.log2(tokens.length * 2 + 2)) : 0);
    if (!ignoreMerges) return;
    for (const [id, token] of tokens.entries()) if (token) this.#whole[this.#wholeSlot(this.bytesOf(id))] = id + 1;
  }

  /** The bytes that a token stands for; none for an id that is not in the vocabulary. */
  bytesOf(id: number): Uint8Array {
    if (!(id < this.#starts.length - 1)) return new Uint8Array();
    return this.#bytes.subarray(this.#starts[id], this.#starts[id + 1]);
  }

  /** No more tokens than any text of these bytes has, however it is cut into pieces. */
  fewest(bytes: Uint8Array): number {
    return this.#fewest.of(bytes);
  }

  /** Appends the tokens of one piece of bytes to `out`. O(n log n), whatever the piece; a long one in slices. */
  *encode(piece: Uint8Array, out: number[]): Sliced<void> {
    if (this.encodeShort(piece, out)) return;
    const merging = new Merging(piece.length);
    this.#begin(merging, piece);
    while (!this.#merge(merging, PAIRS)) yield;
    append(merging, out);
  }

  /** As `encode`, of a piece that is short or a token itself. Returns false, and appends nothing, for any other. */
  encodeShort(piece: Uint8Array, out: number[]): boolean {
    const whole = this.#whole.length > 0 ? this.#whole[this.#wholeSlot(piece)]! - 1 : -1;
    if (whole >= 0) {
      out.push(whole);
      return true;
    }
    if (piece.length > SHORT) return false;
    this.#begin(this.#short, piece);
    this.#merge(this.#short, Infinity);
    append(this.#short, out);
    return true;
  }

  #begin(merging: Merging, piece: Uint8Array): void {
    const { ids, before, after } = merging;
    let length = 0;
    for (const byte of piece) if (this.#byteIds[byte] !== -1) ids[length++] = this.#byteIds[byte]!;
    for (let at = 0; at < length; at++) {
      before[at] = at - 1;
      after[at] = at + 1;
    }
    merging.length = length;
    merging.paired = 0;
  }

  /** Looks at so many pairs at most. Returns whether none is left. */
  #merge(merging: Merging, most: number): boolean {
    const { ids, before, after, queue, length } = merging;
    const offer = (left: number, right: number) => {
      if (left < 0 || right >= length) return;
      const rank = this.#rank(ids[left]!, ids[right]!);
      if (rank >= 0) queue.push(rank, left);
    };
    let left = most;
    while (merging.paired + 1 < length) {
      if (left-- <= 0) return false;
      offer(merging.paired, ++merging.paired);
    }
    for (;;) {
      if (left-- <= 0) return false;
      const next = queue.pop();
      if (next === undefined) return true;
      const rank = Math.floor(next / 2 ** 31);
      const at = next % 2 ** 31;
      const right = after[at]!;
      // Either half may have been merged elsewhere since this was offered.
      if (ids[at] === -1 || right >= length || this.#rank(ids[at]!, ids[right]!) !== rank) continue;
      ids[at] = this.#mergedIds[rank]!;
      ids[right] = -1;
      after[at] = after[right]!;
      if (after[at]! < length) before[after[at]!] = at;
      offer(before[at]!, at);
      offer(at, after[at]!);
    }
  }

  /** Index of the slot of a token's bytes, or of the empty slot where they would go. */
  #wholeSlot(bytes: Uint8Array): number {
    const mask = this.#whole.length - 1;
    let hash = 0x811c9dc5;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
    let at = (hash ^ (hash >>> 15)) & mask;
    while (this.#whole[at] !== 0 && !equal(this.bytesOf(this.#whole[at]! - 1), bytes)) at = (at + 1) & mask;
    return at;
  }

  #rank(left: number, right: number): number {
    return this.#slots[this.#find(left, right) + 2]! - 1;
  }

  /** Index of the slot of a pair, or of the empty slot where it would go. */
  #find(left: number, right: number): number {
    const hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    for (let slot = hash ^ (hash >>> 15); ; slot++) {
      const at = (slot & this.#slotMask) * 3;
      if (this.#slots[at + 2] === 0 || (this.#slots[at] === left && this.#slots[at + 1] === right)) return at;
    }
  }
}

/** Appends the tokens that a piece was merged into. */
function append({ ids, after, length }: Merging, out: number[]): void {
  for (let at = 0; at < length; at = after[at]!) out.push(ids[at]!);
}

/**
 * Binary heap of possible merges as rank · 2^31 + position, exact in a double: the lowest rank first, then the
 * leftmost.
 */
class MergeQueue {
  readonly #keys: number[] = [];

  push(rank: number, at: number): void {
    const keys = this.#keys;
    const key = rank * 2 ** 31 + at;
    let child = keys.length;
    for (let parent = (child - 1) >> 1; child > 0 && keys[parent]! > key; parent = (child - 1) >> 1) {
      keys[child] = keys[parent]!;
      child = parent;
    }
    keys[child] = key;
  }

  pop(): number | undefined {
    const keys = this.#keys;
    const top = keys[0];
    const last = keys.pop();
    if (top === undefined || last === undefined) return undefined;
    let parent = 0;
    for (let child = 1; child < keys.length; child = 2 * parent + 1) {
      if (child + 1 < keys.length && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= last) break;
      keys[parent] = keys[child]!;
      parent = child;
    }
    if (keys.length > 0) keys[parent] = last;
    return top;
  }
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, at) => byte === b[at]);

/** The bytes that a token in GPT-2's alphabet spells. Throws `bad_tokenizer` at a character outside it. */
export function spelledBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let n = 0; n < token.length; n++) {
    const unit = token.charCodeAt(n);
    const byte = BYTE_OF[unit];
    if (byte === undefined || CHAR_OF[byte] !== unit) {
      throw new OutriderError(
        "bad_tokenizer",
        `token ${JSON.stringify(token)} is not spelt in the byte-level alphabet`,
      );
    }
    bytes[n] = byte;
  }
  return bytes;
}
