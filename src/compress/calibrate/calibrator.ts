/** Calibration on windows of a text, by a pool of threads: what stages ask for, over one float model at a time. */
import type { PackedModel, PackedTensor } from "../../format/pack.ts";
import { BLOCK_TENSORS, blockTensor } from "../../model/tensors.ts";
import type { AnsweredText } from "../answers.ts";
import type { Calibration, TensorGradient, Tensors } from "../calibration.ts";
import { Journal, type Step } from "../journal.ts";
import { startProgress } from "../progress.ts";
import { decodeSolution, encodeSolution, type Solution } from "../solution.ts";
import { agreement } from "./agreement.ts";
import { FloatLlama, type Window } from "./float-llama.ts";
import { Gradients } from "./gradients.ts";
import { outlierShares } from "./outliers.ts";
import { score } from "./perplexity.ts";
import type { Pool } from "./pool.ts";
import { compressSequentially, type Solver } from "./sequential.ts";
import type { Wanted } from "./statistics.ts";

export class Calibrator implements Calibration {
  readonly #pool: Pool;
  readonly #windows: readonly Window[];
  readonly #journal: Journal;
  readonly #texts: readonly AnsweredText[];
  #model: PackedModel | undefined;
  #llama: FloatLlama | undefined;

  /**
   * What it works out goes into the journal, a block, a measurement or a few windows at a time. `texts` are for agreement,
   * `windows` for all else.
   */
  constructor(pool: Pool, windows: readonly Window[], journal = Journal.none(), texts: readonly AnsweredText[] = []) {
    this.#pool = pool;
    this.#windows = windows;
    this.#journal = journal;
    this.#texts = texts;
  }

  async compress(model: PackedModel, wanted: Wanted, solve: Solver): Promise<Tensors> {
    // Its weights change on the way, so it is nobody else's.
    const llama = new FloatLlama(this.#pool, model);
    try {
      return await this.#blocks(model, (known, solved) =>
        compressSequentially(llama, this.#windows, wanted, solve, known, solved),
      );
    } finally {
      llama.release();
    }
  }

  eachBlock(model: PackedModel, solve: (layer: number) => Solution): Promise<Tensors> {
    return this.#blocks(model, async (known, solved) => {
      for (let layer = known.length; layer < model.config.layers; layer++) await solved(layer, solve(layer));
    });
  }

  /** All tensors that `work` solves, beginning behind those blocks that are known. */
  async #blocks(
    { config: { layers } }: PackedModel,
    work: (known: readonly Solution[], solved: (layer: number, solution: Solution) => Promise<void>) => Promise<void>,
  ): Promise<Tensors> {
    const step = this.#journal.step();
    const known = await keptSolutions(step, layers);
    const tensors = new Map<string, PackedTensor>();
    const add = (layer: number, solution: Solution): void => {
      for (const [suffix, tensor] of solution) tensors.set(blockTensor(layer, suffix), tensor);
    };
    for (const [layer, solution] of known.entries()) add(layer, solution);
    const progress = startProgress("blocks", layers, "", known.length);
    try {
      await work(known, async (layer, solution) => {
        add(layer, solution);
        await step.save(`block-${layer}`, encodeSolution(solution));
        progress.update(layer + 1);
        await this.#journal.rest();
      });
    } finally {
      progress.end();
    }
    return tensors;
  }

  perplexity(model: PackedModel, layers: readonly number[]): Promise<number> {
    return this.#journal.once(
      async () => (await score(this.#floats(model), this.#windows, undefined, layers)).perplexity,
    );
  }

  agreement(model: PackedModel, layers: readonly number[]): Promise<number> {
    return this.#journal.once(() => agreement(this.#floats(model), this.#texts, layers));
  }

  async gradients(
    model: PackedModel,
    squares: boolean,
    ends = false,
    teacher?: PackedModel,
  ): Promise<(tensor: string) => TensorGradient> {
    const step = this.#journal.step();
    const taught = teacher && new FloatLlama(this.#pool, teacher);
    const gradients = new Gradients(this.#floats(model), taught, ends);
    const count = this.#windows.length;
    try {
      await this.#addAll(gradients, step);
      const mean = (values: Float32Array): Float32Array => values.map((value) => value / count);
      const all = new Map<string, TensorGradient>();
      for (let layer = 0; layer < model.config.layers; layer++) {
        for (const [suffix] of BLOCK_TENSORS) {
          const gradient = mean(gradients.sum(layer, suffix));
          const own = squares ? { gradient, squares: mean(gradients.squares(layer, suffix)) } : { gradient };
          all.set(blockTensor(layer, suffix), own);
        }
      }
      for (const name of gradients.ends?.names ?? []) {
        const gradient = mean(gradients.ends!.view(name, "sums"));
        all.set(name, squares ? { gradient, squares: mean(gradients.ends!.view(name, "squares")) } : { gradient });
      }
      return (tensor) => all.get(tensor)!;
    } finally {
      gradients.release();
      taught?.release();
    }
  }

  /** Of those windows that the step has not kept the gradients of. Kept when they are all in, or when the work stops. */
  async #addAll(gradients: Gradients, step: Step): Promise<void> {
    const windows = this.#windows;
    const first = await gradients.restore(step);
    if (first === windows.length) return;
    const progress = startProgress("gradients", windows.length, "", first);
    try {
      await gradients.add(windows.slice(first), async (added) => {
        const done = first + added;
        progress.update(done);
        if (this.#journal.stopping || done === windows.length) await gradients.keep(step, done);
        await this.#journal.rest();
      });
    } finally {
      progress.end();
    }
  }

  outliers(model: PackedModel, times: number): Promise<readonly number[]> {
    return this.#journal.once(() => outlierShares(this.#floats(model), this.#windows, times));
  }

  influence(model: PackedModel): Promise<readonly number[]> {
    return this.#journal.once(async () => {
      const llama = this.#floats(model);
      const hidden = llama.embed(this.#windows);
      const influences: number[] = [];
      for (let layer = 0; layer < model.config.layers; layer++)
        influences.push(1 - (await llama.runBlock(layer, hidden)));
      llama.releaseHidden(hidden);
      return influences;
    });
  }

  /** The model in the pool's memory; the one before it leaves. */
  #floats(model: PackedModel): FloatLlama {
    if (this.#model === model && this.#llama) return this.#llama;
    this.#llama?.release();
    this.#model = model;
    this.#llama = new FloatLlama(this.#pool, model);
    return this.#llama;
  }
}

/** Those of the first blocks, up to one that is missing. */
async function keptSolutions(step: Step, layers: number): Promise<Solution[]> {
  const known: Solution[] = [];
  while (known.length < layers) {
    const kept = await step.load(`block-${known.length}`);
    if (!kept) break;
    known.push(decodeSolution(kept));
  }
  return known;
}
