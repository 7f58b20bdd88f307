/**
 * A lower bound of how many tokens a text has, without splitting or merging it. A token that holds a unit is at most as
 * long as the longest token that holds it. So each unit of a text counts for at least 1 / that length of a token.
 * A prompt that is far too long is refused by this sum, in about a nanosecond a unit.
 */
export class FewestTokens {
  /** 1 ÷ the length of the longest token that holds a unit; `missing` where none does. */
  readonly #share: Float64Array;

  /**
   * @param tokens each as its units: bytes, or UTF-16 code units
   * @param alphabet one more than the largest unit
   * @param missing tokens that a unit counts for at least which no token holds
   */
  constructor(tokens: Iterable<ArrayLike<number>>, alphabet: number, missing: number) {
    const longest = new Uint32Array(alphabet);
    for (const token of tokens) {
      const { length } = token;
      for (let at = 0; at < length; at++) {
        const unit = token[at]!;
        if (longest[unit]! < length) longest[unit] = length;
      }
    }
    this.#share = Float64Array.from(longest, (length) => (length === 0 ? missing : 1 / length));
  }

  /** No more tokens than the text of these units has. */
  of(units: ArrayLike<number>): number {
    let sum = 0;
    for (let at = 0; at < units.length; at++) sum += this.#share[units[at]!]!;
    return Math.floor(sum);
  }
}
