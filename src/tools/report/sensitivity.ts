/** A model's sensitivity to the change of one block: KL from its unchanged predictions, on a few windows. */

import type { BlockSuffix } from "../../core/model/tensors.ts";
import { type FloatLlama, type Hidden, type Window, windowBytes } from "../compress/calibrate/float-llama.ts";
import { endOf, headAnswers, runThrough, summed } from "../compress/calibrate/scoring/perplexity.ts";

export class Sensitivity {
  readonly #llama: FloatLlama;
  readonly #windows: readonly Window[];
  readonly #end: Hidden;
  /** The windows as they enter block `#at` of the unchanged model. */
  #entering: Hidden;
  #at = 0;

  private constructor(llama: FloatLlama, windows: readonly Window[], end: Hidden) {
    this.#llama = llama;
    this.#windows = windows;
    this.#end = end;
    this.#entering = llama.embed(windows);
  }

  /** Measures `llama`. Its weights are the same before and after each call. */
  static async of(llama: FloatLlama, windows: readonly Window[]): Promise<Sensitivity> {
    return new Sensitivity(llama, windows, await runThrough(llama, windows));
  }

  /** Mean KL in nats with these weights in one block. It is fastest when blocks are asked in ascending order. */
  async divergence(layer: number, weights: ReadonlyMap<BlockSuffix, Float32Array>): Promise<number> {
    const llama = this.#llama;
    await this.#enter(layer);
    const hidden = this.#copy();
    const own = [...weights.keys()].map((suffix) => [suffix, llama.weights(layer, suffix).slice()] as const);
    try {
      for (const [suffix, values] of weights) llama.setWeights(layer, suffix, values);
      for (let n = layer; n < llama.config.layers; n++) await llama.runBlock(n, hidden);
      const { divergence } = await summed(headAnswers(llama, hidden, endOf(llama, this.#end)), true);
      return divergence!;
    } finally {
      for (const [suffix, values] of own) llama.setWeights(layer, suffix, values);
      llama.releaseHidden(hidden);
    }
  }

  async #enter(layer: number): Promise<void> {
    if (layer < this.#at) {
      this.#llama.releaseHidden(this.#entering);
      this.#entering = this.#llama.embed(this.#windows);
      this.#at = 0;
    }
    while (this.#at < layer) await this.#llama.runBlock(this.#at++, this.#entering);
  }

  #copy(): Hidden {
    const { arena } = this.#llama.pool;
    const copy = this.#llama.embed(this.#windows);
    const floats = (copy.windows * windowBytes(copy.shape)) / 4;
    arena.floats(copy.hidden, floats).set(arena.floats(this.#entering.hidden, floats));
    return copy;
  }
}
