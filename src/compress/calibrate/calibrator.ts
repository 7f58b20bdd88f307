/** Calibration on windows of a text, by a pool of threads: what stages ask for, over one float model at a time. */
import type { PackedModel } from "../../format/pack.ts";
import { OutriderError } from "../../model/errors.ts";
import { BLOCK_TENSORS, blockTensor } from "../../model/tensors.ts";
import { isTrimmed } from "../../model/token-rows.ts";
import type { Calibration, TensorGradient } from "../calibration.ts";
import { startProgress } from "../progress.ts";
import { FloatLlama, type Window } from "./float-llama.ts";
import { Gradients } from "./gradients.ts";
import { score } from "./perplexity.ts";
import type { Pool } from "./pool.ts";
import { compressSequentially, type Solver } from "./sequential.ts";
import type { Wanted } from "./statistics.ts";

export class Calibrator implements Calibration {
  readonly #pool: Pool;
  readonly #windows: readonly Window[];
  readonly #text: () => Promise<readonly number[]>;
  #model: PackedModel | undefined;
  #llama: FloatLlama | undefined;

  /** `text` reads all tokens of the text that the windows are of. */
  constructor(pool: Pool, windows: readonly Window[], text: () => Promise<readonly number[]>) {
    this.#pool = pool;
    this.#windows = windows;
    this.#text = text;
  }

  async compress(model: PackedModel, wanted: Wanted, solve: Solver): Promise<void> {
    const progress = startProgress("blocks", model.config.layers);
    // Its weights change on the way, so it is nobody else's.
    const llama = this.#load(model);
    try {
      await compressSequentially(llama, this.#windows, wanted, solve, (layer) => progress.update(layer + 1));
    } finally {
      progress.end();
      llama.release();
    }
  }

  async perplexity(model: PackedModel, layers: readonly number[]): Promise<number> {
    return (await score(this.#floats(model), this.#windows, undefined, layers)).perplexity;
  }

  async gradients(model: PackedModel, squares: boolean): Promise<(tensor: string) => TensorGradient> {
    const progress = startProgress("gradients", this.#windows.length);
    const gradients = new Gradients(this.#floats(model));
    try {
      await gradients.add(this.#windows, (windows) => progress.update(windows));
      const count = this.#windows.length;
      const mean = (values: Float32Array): Float32Array => values.map((value) => value / count);
      const all = new Map<string, TensorGradient>();
      for (let layer = 0; layer < model.config.layers; layer++) {
        for (const [suffix] of BLOCK_TENSORS) {
          const gradient = mean(gradients.sum(layer, suffix));
          const own = squares ? { gradient, squares: mean(gradients.squares(layer, suffix)) } : { gradient };
          all.set(blockTensor(layer, suffix), own);
        }
      }
      return (tensor) => all.get(tensor)!;
    } finally {
      progress.end();
      gradients.release();
    }
  }

  async counts(size: number): Promise<Float64Array> {
    const counts = new Float64Array(size);
    for (const id of await this.#text()) if (id < size) counts[id]!++;
    return counts;
  }

  async influence(model: PackedModel): Promise<readonly number[]> {
    const llama = this.#floats(model);
    const hidden = llama.embed(this.#windows);
    const influences: number[] = [];
    for (let layer = 0; layer < model.config.layers; layer++)
      influences.push(1 - (await llama.runBlock(layer, hidden)));
    llama.releaseHidden(hidden);
    return influences;
  }

  /** The model in the pool's memory; the one before it leaves. */
  #floats(model: PackedModel): FloatLlama {
    if (this.#model === model && this.#llama) return this.#llama;
    this.#llama?.release();
    this.#model = model;
    this.#llama = this.#load(model);
    return this.#llama;
  }

  #load(model: PackedModel): FloatLlama {
    if (isTrimmed(model)) {
      throw new OutriderError(
        "trimmed_vocabulary",
        `${model.model} lacks tokens that the text has; put trim-vocabulary behind the stages that measure`,
      );
    }
    return new FloatLlama(this.#pool, model);
  }
}
