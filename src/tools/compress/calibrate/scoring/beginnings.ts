/**
 * Windows behind lists of blocks that are tried one after the other. Trying to leave out each block in turn would run
 * the blocks before it each time. Here the common beginning of two lists runs once, which halves the work.
 */
import type { FloatLlama, Hidden, Window } from "../float-llama.ts";

export class Beginnings {
  readonly #llama: FloatLlama;
  readonly #windows: readonly Window[];
  /** The windows behind the blocks `#through`, the beginning of the last list. */
  #begun: Hidden | undefined;
  #through: readonly number[] = [];
  #last: readonly number[] = [];

  constructor(llama: FloatLlama, windows: readonly Window[]) {
    this.#llama = llama;
    this.#windows = windows;
  }

  release(): void {
    if (this.#begun) this.#llama.releaseHidden(this.#begun);
    this.#begun = undefined;
  }

  /** The windows behind exactly these blocks; free them with `releaseHidden`. */
  async behind(layers: readonly number[]): Promise<Hidden> {
    const shared = layers.slice(0, sameBeginning(layers, this.#last));
    if (!this.#begun || sameBeginning(this.#through, shared) < this.#through.length) {
      this.release();
      this.#begun = this.#llama.embed(this.#windows);
      this.#through = [];
    }
    for (const layer of shared.slice(this.#through.length)) await this.#llama.runBlock(layer, this.#begun);
    this.#through = shared;
    this.#last = layers;
    const hidden = this.#llama.copyHidden(this.#begun);
    for (const layer of layers.slice(shared.length)) await this.#llama.runBlock(layer, hidden);
    return hidden;
  }
}

/** Length of the common beginning of two lists. */
function sameBeginning(a: readonly number[], b: readonly number[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}
