/**
 * Copies from the conversation: what followed the last time the timeline ended like this. Prompt lookup decoding
 * (Saxena 2023). Among suffix matches the longest wins, among equals the most recent. The longer the match,
 * the higher the confidence of the copy (SuffixDecoding: Oliaro et al. 2024, arXiv 2411.04975).
 *
 *   timeline   … a b c d e … x b c d        the suffix "b c d" occurred before, so draft "e …"
 *                  └─────┘     └───┘
 *
 * Where other matches continued differently, their next tokens are alternatives (`others`) for the same position.
 * A copy is followed through changes (alignment.ts): its next token is a candidate beside those of the matches.
 *
 * A client may say what it expects as the answer (OpenAI's `prediction`). That stands before the timeline, behind the
 * prompt's last tokens, as if the same prompt had been answered with it before: a match at the end of the prompt then
 * leads to its first token.
 *
 *   held       end of the prompt, prediction | prompt, answer …
 *
 * The confidence of a match length is learned from the timeline itself: before a token is added, the prompt's tokens
 * included, it is compared with the token that would have been proposed for its position.
 */
import { commonPrefix } from "../model/common-prefix.ts";
import type { Candidate, Proposed } from "../speculate/types.ts";
import { Alignment, type Expected } from "./alignment.ts";
import { ranked, type Sign } from "./ranked.ts";
import { Trust } from "./trust.ts";

/** Most earlier occurrences of the last two tokens that are compared. */
const MAX_CANDIDATES = 32;
/** Most earlier occurrences of the last token alone. */
const MAX_SINGLES = 4;
/** Longest match that is told from a longer one, in tokens. */
const MAX_MATCH = 32;
/**
 * Classes of match lengths, up to and including `upTo`. `guess` is the assumed share of right next tokens until the
 * timeline shows its own; values typical of chat answers.
 */
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
/** The same of a copy with a change that is not over, by its tokens and by those that agreed since. */
const RESUMED = [
  /** Right after the first other token. */
  { guess: 0.4, holds: ({ run, changed }: Expected) => run === 0 && changed === 1 },
  { guess: 0.15, holds: ({ run }: Expected) => run === 0 },
  { guess: 0.4, holds: ({ run, changed }: Expected) => run === 1 && changed <= 4 },
  { guess: 0.3, holds: ({ run }: Expected) => run === 1 },
  { guess: 0.75, holds: () => true },
] as const;
const NO_MATCH = { next: 0, length: 0 };

interface Match {
  /** Index of the token that followed. */
  readonly next: number;
  /** Tokens that agree before it. */
  readonly length: number;
}

/** For each entry of a growing list, the last earlier entry with the same key: chains as in LZ77, newest first. */
class Chains {
  readonly #previous: number[] = [];
  readonly #newest = new Map<number, number>();

  add(key: number): void {
    this.#newest.set(key, this.#previous.push(this.#newest.get(key) ?? -1) - 1);
  }

  /** @param key key of the last entry */
  removeLast(key: number): void {
    const previous = this.#previous.pop()!;
    if (previous < 0) this.#newest.delete(key);
    else this.#newest.set(key, previous);
  }

  /** At most `most` earlier entries with the key of `entry`, the most recent first. */
  before(entry: number, most: number): number[] {
    const entries: number[] = [];
    for (let at = this.#previous[entry]!; at >= 0 && entries.length < most; at = this.#previous[at]!) entries.push(at);
    return entries;
  }
}

export class Lookup {
  readonly #tokens: number[] = [];
  /** Pairs of neighbouring tokens, by the index at which they end. */
  readonly #bigrams = new Chains();
  readonly #singles = new Chains();
  readonly #copy = new Alignment(this.#tokens);
  readonly #matched = new Trust(CLASSES);
  readonly #resumed = new Trust(RESUMED);
  /** Tokens that stand before the timeline, and where the prediction begins among them. */
  readonly #before: number;
  readonly #prediction: number;
  /** How many of the last tokens are drafted and not of the timeline. */
  #drafted = 0;
  /** The matches of the tokens as they are, the longest first; undefined before they are looked for. */
  #found: readonly Match[] | undefined;

  /**
   * @param prompt what the timeline begins with
   * @param prediction tokens that the client expects behind it; none where it expects nothing
   */
  constructor(prompt: readonly number[] = [], prediction: readonly number[] = []) {
    const end = prediction.length > 0 ? prompt.slice(-MAX_MATCH) : [];
    for (const token of [...end, ...prediction]) this.#add(token, true);
    this.#prediction = end.length;
    this.#before = this.#tokens.length;
  }

  /** As `Drafter.sync`, at once. */
  sync(timeline: readonly number[]): void {
    while (this.#drafted > 0) this.#removeDrafted();
    const common = commonPrefix(this.#tokens.slice(this.#before), timeline);
    while (this.#tokens.length > this.#before + common) this.#removeLast();
    for (const token of timeline.slice(common)) {
      const { next, length } = this.#longest();
      if (length > 0) this.#matched.learn(classOf(length), this.#tokens[next] === token);
      const copy = this.#copy.expected;
      if (copy && copy.changed > 0) this.#resumed.learn(resumedClass(copy), copy.token === token);
      this.#add(token, true);
    }
  }

  /**
   * The next token if the timeline continued with `drafted`; undefined without a match. Learns nothing from `drafted`.
   */
  after(drafted: readonly number[], others = 0): Proposed | undefined {
    const timeline = this.#tokens.length - this.#drafted;
    const held = this.#tokens.slice(timeline);
    const common = commonPrefix(held, drafted);
    while (this.#drafted > common) this.#removeDrafted();
    for (const id of drafted.slice(common)) {
      this.#add(id, false);
      this.#drafted++;
    }
    return ranked(this.#continuations(), others);
  }

  /** What followed earlier matches and what the copy expects: that of the longest match first, but for the copy's. */
  #continuations(): Sign[] {
    const known: Sign[] = this.#matches().map(({ next, length }) => ({
      id: this.#tokens[next]!,
      chance: this.#matched.of(classOf(length)),
      source: this.#sourceOf(next),
    }));
    const copy = this.#copy.expected;
    if (copy) {
      const chance = this.#chanceOf(copy);
      const after = known.findIndex((each) => each.chance <= chance);
      known.splice(after < 0 ? known.length : after, 0, { id: copy.token, chance, source: this.#sourceOf(copy.at) });
    }
    return known;
  }

  #sourceOf(index: number | undefined): Candidate["source"] {
    const predicted = index !== undefined && index >= this.#prediction && index < this.#before;
    return predicted ? "prediction" : "lookup";
  }

  #chanceOf(copy: Expected): number {
    if (copy.replacement !== undefined) return copy.replacement;
    return copy.changed > 0 ? this.#resumed.of(resumedClass(copy)) : this.#matched.of(classOf(copy.run));
  }

  /** @param decided whether the token is of the timeline */
  #add(token: number, decided: boolean): void {
    this.#tokens.push(token);
    this.#bigrams.add(this.#key(this.#tokens.length - 1));
    this.#singles.add(token);
    this.#found = undefined;
    this.#copy.added(this.#longest(), decided);
  }

  #removeDrafted(): void {
    this.#removeLast();
    this.#drafted--;
  }

  #removeLast(): void {
    this.#found = undefined;
    this.#copy.removed();
    this.#bigrams.removeLast(this.#key(this.#tokens.length - 1));
    this.#singles.removeLast(this.#tokens.pop()!);
  }

  /** A number for the bigram that ends at `end`; no two bigrams of ids below 2^26 share one. */
  #key(end: number): number {
    return (end === 0 ? 0 : this.#tokens[end - 1]! + 1) * 0x4000000 + this.#tokens[end]!;
  }

  /** Earlier occurrences of the timeline's end, of its last two tokens or of its last one: the longest first. */
  #matches(): readonly Match[] {
    // Equal lengths stay as they were found, the most recent first.
    this.#found ??= this.#search().sort((a, b) => b.length - a.length);
    return this.#found;
  }

  #search(): Match[] {
    const end = this.#tokens.length - 1;
    if (end < 1) return [];
    const matches: Match[] = [];
    for (const at of this.#bigrams.before(end, MAX_CANDIDATES)) {
      matches.push({ next: at + 1, length: this.#agreeing(at, end) });
    }
    for (const at of this.#singles.before(end, MAX_SINGLES)) matches.push({ next: at + 1, length: 1 });
    return matches;
  }

  /** The longest match; among equals the most recent. */
  #longest(): Match {
    return this.#matches()[0] ?? NO_MATCH;
  }

  /** Number of equal tokens going back from `at` and from `end`; at least the two that the bigram shares. */
  #agreeing(at: number, end: number): number {
    let length = 2;
    while (length < MAX_MATCH && at >= length && this.#tokens[at - length] === this.#tokens[end - length]) length++;
    return length;
  }
}

const classOf = (length: number): number => CLASSES.findIndex(({ upTo }) => length <= upTo);
const resumedClass = (copy: Expected): number => RESUMED.findIndex(({ holds }) => holds(copy));
