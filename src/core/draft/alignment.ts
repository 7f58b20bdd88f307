/**
 * Follows a copy through its changes. Someone who edits a text repeats most of it: a name is replaced, an argument is
 * added, a line is gone. Right after a change no earlier place ends like the timeline, but the copy goes on close by.
 *
 *   source     … self . log ( take , amount ) …
 *   timeline   … self . log ( with draw , …          after "with" and "draw": on from ", amount"
 *
 * A change begins where the copy's next token is not the one that came. From then on each token is looked for just
 * behind that place, nearest first, and the copy goes on after it. Where it is not there, as many tokens are taken to
 * be replaced as have come. When the copy holds again, the change is known: its tokens in the source, and what stands
 * for them. Where the source has the same tokens again, the same replacement is expected (a renamed name).
 */

/** Agreeing tokens after which a text counts as copied. */
const LEAST_COPY = 8;
/** Agreeing tokens that move a copy elsewhere. Fewer are a phrase within a change. */
const LEAST_JUMP = 24;
/** Agreeing tokens after which a change counts as over. */
const SETTLED = 3;
/** Tokens of the source behind the beginning of a change that are searched for a new token. */
const SEARCHED = 48;
/** A change of more tokens than this ends the copy. */
const LONGEST_CHANGE = 64;
/** Longest replacement that is expected again, in tokens of the source and in tokens that stand for them. */
const LONGEST_REPLACED = 6;

/** Tokens of the source, and what the timeline has in their place. */
interface Replacement {
  readonly from: readonly number[];
  readonly to: readonly number[];
  /** How often the source had `from` since, and how often the timeline had `to` there. */
  met: number;
  right: number;
}

/** A copy at one length of the timeline. */
interface Place {
  /** Index of the token that the copy goes on with. */
  readonly source: number;
  /** Tokens in a row that agreed, up to here. */
  readonly run: number;
  /** Of a change that may not be over: where it began in the source, and in the timeline. */
  readonly change?: { readonly source: number; readonly at: number } | undefined;
  /** A replacement under way, which ends with the copy's place behind `from`. */
  readonly replacing?: { readonly replacement: Replacement; readonly done: number } | undefined;
}

/** What the copy goes on with. */
export interface Expected {
  readonly token: number;
  /** Where the copy has it; absent within a replacement. */
  readonly at?: number | undefined;
  /** Tokens in a row that agreed. */
  readonly run: number;
  /** Tokens since the beginning of a change that is not over; 0 within the copy. */
  readonly changed: number;
  /** Share of right ones among expected replacements of this kind, if it is one. */
  readonly replacement?: number | undefined;
}

export class Alignment {
  readonly #tokens: readonly number[];
  /** By length of the timeline. */
  readonly #places: (Place | undefined)[] = [];
  /** By the first token that is replaced. */
  readonly #replacements = new Map<number, Replacement[]>();

  /** @param tokens the timeline, which grows and shrinks before `added` and `removed` are told */
  constructor(tokens: readonly number[]) {
    this.#tokens = tokens;
  }

  /** What comes next if the copy goes on; undefined where nothing is copied. */
  get expected(): Expected | undefined {
    const place = this.#places.at(-1);
    if (!place) return undefined;
    const { source, run, change, replacing } = place;
    const changed = change ? this.#tokens.length - change.at : 0;
    if (!replacing) return { token: this.#tokens[source]!, at: source, run, changed };
    const { replacement, done } = replacing;
    return { token: replacement.to[done]!, run, changed, replacement: shareOf(replacement) };
  }

  /**
   * The timeline has one more token.
   *
   * @param match where text like the timeline's end goes on, and how many tokens are alike; 0 for none
   * @param decided whether the token stays, so that replacements may be learned of it
   */
  added(match: { readonly next: number; readonly length: number }, decided: boolean): void {
    const before = this.#places.at(-1);
    const place = before && this.#goOn(before, decided);
    const least = place ? Math.max(LEAST_JUMP, place.run + 1) : LEAST_COPY;
    this.#places.push(match.length >= least ? { source: match.next, run: match.length } : place);
  }

  removed(): void {
    this.#places.pop();
  }

  #goOn(place: Place, decided: boolean): Place | undefined {
    const token = this.#tokens.at(-1)!;
    const { source, run, replacing } = place;
    if (replacing) {
      const { replacement, done } = replacing;
      if (done === 0 && decided) {
        replacement.met++;
        if (token === replacement.to[0]) replacement.right++;
      }
      if (token === replacement.to[done]) {
        if (done + 1 < replacement.to.length) {
          return { ...place, run: run + 1, replacing: { replacement, done: done + 1 } };
        }
        return this.#arrive({ source: source + replacement.from.length, run: run + 1 });
      }
      if (done > 0) return this.#changed({ source, run, change: { source, at: this.#tokens.length - 1 - done } });
    }
    if (token !== this.#tokens[source]) return this.#changed(place);
    const change = place.change;
    if (!change || run + 1 < SETTLED) return this.#arrive({ source: source + 1, run: run + 1, change });
    if (decided) this.#learn(change, source + 1 - (run + 1), this.#tokens.length - (run + 1));
    return this.#arrive({ source: source + 1, run: run + 1 });
  }

  /** The last token is not what the copy had next. */
  #changed({ source, change = { source, at: this.#tokens.length - 1 } }: Place): Place | undefined {
    const length = this.#tokens.length - change.at;
    if (length > LONGEST_CHANGE) return undefined;
    const end = Math.min(change.source + SEARCHED, change.at);
    for (let found = change.source; found < end; found++) {
      if (this.#tokens[found] === this.#tokens.at(-1)) return { source: found + 1, run: 1, change };
    }
    return { source: Math.min(change.source + length, change.at), run: 0, change };
  }

  /** At a place within the copy a replacement may be due. */
  #arrive(place: Place): Place {
    if (place.change) return place;
    let due: Replacement | undefined;
    for (const each of this.#replacements.get(this.#tokens[place.source]!) ?? []) {
      const met = each.from.every((token, n) => token === this.#tokens[place.source + n]);
      if (met && shareOf(each) > 0.5 && each.from.length > (due?.from.length ?? 0)) due = each;
    }
    return due ? { ...place, replacing: { replacement: due, done: 0 } } : place;
  }

  /** A change is over: the copy agrees again from `source` on, where the timeline has the index `at`. */
  #learn(change: NonNullable<Place["change"]>, source: number, at: number): void {
    const from = this.#tokens.slice(change.source, source);
    const to = this.#tokens.slice(change.at, at);
    const lengths = [from.length, to.length];
    if (lengths.some((length) => length === 0 || length > LONGEST_REPLACED)) return;
    const known = this.#replacements.get(from[0]!) ?? [];
    if (known.some((each) => `${each.from}` === `${from}` && `${each.to}` === `${to}`)) return;
    this.#replacements.set(from[0]!, [...known, { from, to, met: 0, right: 0 }]);
  }
}

/** Two thirds for one that was not met again yet. */
const shareOf = ({ met, right }: Replacement): number => (right + 2) / (met + 3);
