/**
 * A drafter without weights: it copies what followed the last time the timeline ended like this. Prompt lookup decoding
 * (Saxena 2023); among suffix matches the longest wins and among equals the most recent, and the longer the match the
 * further the copy is trusted (SuffixDecoding: Oliaro et al. 2024, arXiv 2411.04975).
 *
 *   timeline   … a b c d e … x b c d        the suffix "b c d" occurred before, so draft "e …"
 *                  └─────┘     └───┘
 *
 * Where earlier matches went on otherwise, their next tokens are others for the place, those after mere single tokens last.
 *
 * How far a match of a given length can be trusted is learned from the timeline itself: every token that is added,
 * the prompt's included, first tests what would have been proposed for it.
 */
import { commonPrefix } from "../model/common-prefix.ts";
import type { Candidate, Drafter, More, Proposed } from "../speculate/types.ts";

/** Links of a chain that are followed, of bigrams and of single tokens, and tokens of a match that are compared, at most. */
const MAX_CANDIDATES = 32;
const MAX_SINGLES = 4;
const MAX_MATCH = 32;
/** Match lengths 1, 2, 3, 4, 5-6, 7-8, 9-12, 13-20, 21 and more; with how often the next token of such a match is right, before any was seen. */
const CLASSES = [
  { upTo: 1, guess: 0.1 },
  { upTo: 2, guess: 0.3 },
  { upTo: 3, guess: 0.45 },
  { upTo: 4, guess: 0.55 },
  { upTo: 6, guess: 0.65 },
  { upTo: 8, guess: 0.75 },
  { upTo: 12, guess: 0.85 },
  { upTo: 20, guess: 0.9 },
  { upTo: Number.POSITIVE_INFINITY, guess: 0.95 },
] as const;
const GUESS_WEIGHT = 4;
/** Half of an observation's weight is gone after 69 newer ones of its class. */
const FADE = 0.99;

interface Match {
  /** Index of the token that followed. */
  readonly next: number;
  /** Tokens that agree before it. */
  readonly length: number;
}

/** Of each entry of a growing list the last earlier one with the same key: chains, newest first, as LZ77's by hash. */
class Chains {
  readonly #previous: number[] = [];
  readonly #newest = new Map<number, number>();

  add(key: number): void {
    this.#newest.set(key, this.#previous.push(this.#newest.get(key) ?? -1) - 1);
  }

  /** @param key that of the last entry */
  removeLast(key: number): void {
    const previous = this.#previous.pop()!;
    if (previous < 0) this.#newest.delete(key);
    else this.#newest.set(key, previous);
  }

  /** Earlier entries with the key of `entry`, the most recent first, at most so many. */
  before(entry: number, most: number): number[] {
    const entries: number[] = [];
    for (let at = this.#previous[entry]!; at >= 0 && entries.length < most; at = this.#previous[at]!) entries.push(at);
    return entries;
  }
}

export class LookupDrafter implements Drafter {
  readonly #tokens: number[] = [];
  /** By where they end. */
  readonly #bigrams = new Chains();
  readonly #singles = new Chains();
  readonly #right = CLASSES.map(() => 0);
  readonly #tried = CLASSES.map(() => 0);

  async sync(timeline: readonly number[]): Promise<void> {
    const common = commonPrefix(this.#tokens, timeline);
    while (this.#tokens.length > common) this.#removeLast();
    for (let i = common; i < timeline.length; i++) {
      const match = this.#longest();
      if (match) this.#learn(match.length, this.#tokens[match.next] === timeline[i]);
      this.#add(timeline[i]!);
    }
  }

  /** How likely the next token of the best match is right; 0 without a match. */
  get confidence(): number {
    return this.after([])?.confidence ?? 0;
  }

  async propose(max: number, more: More, others = 0): Promise<readonly Proposed[]> {
    const proposed: Proposed[] = [];
    while (proposed.length < max) {
      const ids = proposed.map(({ id }) => id);
      const next = this.after(ids, others);
      if (!next) break;
      proposed.push(next);
      if (!more(next)) break;
    }
    return proposed;
  }

  /** The next token if the timeline went on with `drafted`, of which nothing is learned; undefined without a match. */
  after(drafted: readonly number[], others = 0): Proposed | undefined {
    for (const id of drafted) this.#add(id);
    const [first, ...rest] = this.#continuations();
    for (const _ of drafted) this.#removeLast();
    return first && { ...first, others: rest.slice(0, others) };
  }

  /** What followed earlier matches, each token once, that of the longest match first; the chance of each if those before it are wrong. */
  #continuations(): Candidate[] {
    const candidates: Candidate[] = [];
    let left = 1;
    for (const { next, length } of this.#matches().sort((a, b) => b.length - a.length)) {
      const id = this.#tokens[next]!;
      if (candidates.some((candidate) => candidate.id === id)) continue;
      const confidence = left * this.#trust(length);
      candidates.push({ id, confidence, source: "lookup" });
      left -= confidence;
    }
    return candidates;
  }

  #add(token: number): void {
    this.#tokens.push(token);
    this.#bigrams.add(this.#key(this.#tokens.length - 1));
    this.#singles.add(token);
  }

  #removeLast(): void {
    this.#bigrams.removeLast(this.#key(this.#tokens.length - 1));
    this.#singles.removeLast(this.#tokens.pop()!);
  }

  /** Names the bigram that ends at `end`; exact for ids below 2^26. */
  #key(end: number): number {
    return (end === 0 ? 0 : this.#tokens[end - 1]! + 1) * 0x4000000 + this.#tokens[end]!;
  }

  /** The most recent first, those of single tokens last. */
  #matches(): Match[] {
    const end = this.#tokens.length - 1;
    if (end < 1) return [];
    const matches: Match[] = [];
    for (const at of this.#bigrams.before(end, MAX_CANDIDATES)) {
      matches.push({ next: at + 1, length: this.#agreeing(at, end) });
    }
    for (const at of this.#singles.before(end, MAX_SINGLES)) matches.push({ next: at + 1, length: 1 });
    return matches;
  }

  /** The most recent of the longest. */
  #longest(): Match | undefined {
    let longest: Match | undefined;
    for (const match of this.#matches()) if (match.length > (longest?.length ?? 0)) longest = match;
    return longest;
  }

  /** Tokens before and at `at` and `end` that are the same, at least the two that are known to be. */
  #agreeing(at: number, end: number): number {
    let length = 2;
    while (length < MAX_MATCH && at >= length && this.#tokens[at - length] === this.#tokens[end - length]) length++;
    return length;
  }

  #learn(length: number, right: boolean): void {
    const c = classOf(length);
    this.#right[c] = this.#right[c]! * FADE + (right ? 1 : 0);
    this.#tried[c] = this.#tried[c]! * FADE + 1;
  }

  #trust(length: number): number {
    const c = classOf(length);
    return (this.#right[c]! + GUESS_WEIGHT * CLASSES[c]!.guess) / (this.#tried[c]! + GUESS_WEIGHT);
  }
}

const classOf = (length: number): number => CLASSES.findIndex(({ upTo }) => length <= upTo);
