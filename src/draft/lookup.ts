/**
 * A drafter without weights: it copies what followed the last time the timeline ended like this. Prompt lookup decoding
 * (Saxena 2023); among suffix matches the longest wins and among equals the most recent, and the longer the match the
 * further the copy is trusted (SuffixDecoding: Oliaro et al. 2024, arXiv 2411.04975).
 *
 *   timeline   … a b c d e … x b c d        the suffix "b c d" occurred before, so draft "e …"
 *                  └─────┘     └───┘
 *   previous[i]  the last earlier end of the same bigram as at i: a chain, newest first, as in LZ77 hash chains
 *
 * How far a match of a given length can be trusted is learned from the timeline itself: every token that is added,
 * the prompt's included, first tests what would have been proposed for it.
 */
import { commonPrefix } from "../model/timeline.ts";
import type { Drafter, More, Proposed } from "../speculate/types.ts";

/** Links of a chain that are followed, and tokens of a match that are compared, at most. */
const MAX_CANDIDATES = 32;
const MAX_MATCH = 32;
/** Match lengths 2, 3, 4, 5-6, 7-8, 9-12, 13-20, 21 and more; with how often the next token of such a match is right, before any was seen. */
const CLASSES = [
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
  /** Index of the token that followed. */ readonly next: number;
  /** Tokens that agree before it. */ readonly length: number;
}

export class LookupDrafter implements Drafter {
  readonly #tokens: number[] = [];
  readonly #previous: number[] = [];
  readonly #newest = new Map<number, number>();
  readonly #right = CLASSES.map(() => 0);
  readonly #tried = CLASSES.map(() => 0);

  async sync(timeline: readonly number[]): Promise<void> {
    const common = commonPrefix(this.#tokens, timeline);
    while (this.#tokens.length > common) this.#removeLast();
    for (let i = common; i < timeline.length; i++) {
      const match = this.#find();
      if (match) this.#learn(match.length, this.#tokens[match.next] === timeline[i]);
      this.#add(timeline[i]!);
    }
  }

  /** How likely the next token of the best match is right; 0 without a match. */
  get confidence(): number {
    return this.after([])?.confidence ?? 0;
  }

  async propose(max: number, more: More): Promise<readonly Proposed[]> {
    const proposed: Proposed[] = [];
    const match = this.#find();
    while (match && proposed.length < max) {
      const at = match.next + proposed.length;
      // A copy that reaches the end of the timeline goes on with what it has itself proposed: a repetition.
      const id = at < this.#tokens.length ? this.#tokens[at]! : proposed[at - this.#tokens.length]!.id;
      const confidence = this.#trust(match.length + proposed.length);
      const next = { id, confidence, source: "lookup" } as const;
      proposed.push(next);
      if (!more(next)) break;
    }
    return proposed;
  }

  /** The next token if the timeline went on with `drafted`, of which nothing is learned; undefined without a match. */
  after(drafted: readonly number[]): Proposed | undefined {
    for (const id of drafted) this.#add(id);
    const match = this.#find();
    const next: Proposed | undefined = match
      ? { id: this.#tokens[match.next]!, confidence: this.#trust(match.length), source: "lookup" }
      : undefined;
    for (const _ of drafted) this.#removeLast();
    return next;
  }

  #add(token: number): void {
    this.#tokens.push(token);
    const end = this.#tokens.length - 1;
    const key = this.#key(end);
    this.#previous.push(this.#newest.get(key) ?? -1);
    this.#newest.set(key, end);
  }

  #removeLast(): void {
    const key = this.#key(this.#tokens.length - 1);
    const previous = this.#previous.pop()!;
    if (previous < 0) this.#newest.delete(key);
    else this.#newest.set(key, previous);
    this.#tokens.pop();
  }

  /** Names the bigram that ends at `end`; exact for ids below 2^26. */
  #key(end: number): number {
    return (end === 0 ? 0 : this.#tokens[end - 1]! + 1) * 0x4000000 + this.#tokens[end]!;
  }

  #find(): Match | null {
    const end = this.#tokens.length - 1;
    if (end < 2) return null;
    let best: Match | null = null;
    let candidate = this.#previous[end]!;
    for (let tried = 0; candidate > 0 && tried < MAX_CANDIDATES; tried++) {
      let length = 2;
      while (
        length < MAX_MATCH &&
        candidate >= length &&
        this.#tokens[candidate - length] === this.#tokens[end - length]
      ) {
        length++;
      }
      if (length > (best?.length ?? 0)) best = { next: candidate + 1, length };
      candidate = this.#previous[candidate]!;
    }
    return best;
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
