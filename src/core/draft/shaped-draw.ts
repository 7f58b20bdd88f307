/** Draws the tokens of a draft at one position: shaped as the target's are, and those that its rows stand for. */
import type { Choosing } from "../speculate/shaping.ts";
import { type Drawn, drawTokens, type Logits } from "./draw.ts";
import { Meanings } from "./meanings.ts";

export class ShapedDraw {
  readonly #llama: Logits;
  readonly #choosing: Choosing;
  /** Absent where every token has a row. */
  readonly #meanings: Meanings | undefined;

  constructor(llama: Logits, choosing: Choosing) {
    this.#llama = llama;
    this.#choosing = choosing;
    if (llama.tokens.ids) this.#meanings = new Meanings(llama.tokens);
  }

  /**
   * At most `count` tokens, as `drawTokens` has them; none where a trimmed draft lacks every token that may come.
   * Overwrites logits.
   *
   * @param logits (V) of the last forward's first row
   * @param before the timeline up to the position, drafted tokens included
   */
  draw(logits: Float32Array, before: readonly number[], count: number): Drawn[] {
    const llama = this.#llama;
    return llama.tokens.standingFor(this.#meanings?.behind(before), () => {
      const shape = this.#choosing.shapers?.after(before);
      shape?.apply(logits, llama.tokens.ids);
      if (shape && logits[llama.tokens.rowOf(llama.argmax(0))] === Number.NEGATIVE_INFINITY) return [];
      return drawTokens(llama, logits, this.#choosing, before.length, count);
    });
  }
}
