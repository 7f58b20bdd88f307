/**
 * The door of `calibrate`. This folder holds a second Llama, apart from the one in `draft/`: it computes in f32 instead
 * of quantised weights, forwards and backwards, over whole windows and on all threads, with kernels
 * (`passes/kernels.ts`) and a memory (`threads/shared-arena.ts`) of its own. Pruning and rounding use it to measure a
 * model on a text.
 *
 * - `passes/`: what one thread computes of one window: a block, its gradient, the head, the loss.
 * - `tasks/`: these passes cut into numbered parts that threads take.
 * - `threads/`: the pool, its workers and their shared memory.
 * - `float-llama.ts`: the model that runs tasks block by block.
 * - `solving/`, `gradients/`, `scoring/`: statistics for layer-wise solvers, gradients, perplexity and agreement.
 * - `journal.ts`: what is kept on disk so that stopped work goes on.
 */

import { evenWidth } from "../../../core/format/even-width.ts";
import type { PackedModel, PackedTensor } from "../../../core/format/pack.ts";
import { blockShape } from "../../../core/model/config.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { isTrimmed, TokenRows } from "../../../core/model/token-rows.ts";
import { startProgress } from "../../../core/platform/progress.ts";
import type { TargetAnswer } from "../../text/target-text.ts";
import type { Calibration, TensorGradient, Tensors } from "./calibration.ts";
import { FloatLlama, type Window } from "./float-llama.ts";
import { Gradients } from "./gradients/gradients.ts";
import { meanGradients } from "./gradients/mean-gradients.ts";
import { Journal, type Step } from "./journal.ts";
import { Agreement } from "./scoring/agreement.ts";
import { score } from "./scoring/perplexity.ts";
import { type HeadMoments, momentsOf } from "./solving/moments.ts";
import { inOwnWidth } from "./solving/own-width.ts";
import { roundOnThreads, type Unrounded } from "./solving/round-on-threads.ts";
import { compressSequentially, type Solver } from "./solving/sequential.ts";
import { addSolution, decodeSolution, encodeSolution, type Solution } from "./solving/solution.ts";
import type { Wanted } from "./solving/statistics.ts";
import type { Pool } from "./threads/pool.ts";

/** A text as calibration uses it. */
export interface CalibrationData {
  /** Everything is measured on these, except `agreement` and `counts`. */
  readonly windows: readonly Window[];
  /** Prompts with the target's answers, for `agreement`; none where the text does not tell them apart. */
  readonly answered: readonly TargetAnswer[];
  /** All tokens of the text, for `counts`. */
  readonly tokens: readonly number[];
}

export class Calibrator implements Calibration {
  readonly #pool: Pool;
  readonly #text: CalibrationData;
  readonly #journal: Journal;
  #model: PackedModel | undefined;
  #llama: FloatLlama | undefined;
  #agreement: Agreement | undefined;

  /** Results go into the journal as they come: a block, a measurement or a few windows at a time. */
  constructor(pool: Pool, text: CalibrationData, journal = Journal.none()) {
    this.#pool = pool;
    this.#text = text;
    this.#journal = journal;
  }

  async compress(model: PackedModel, wanted: Wanted, solve: Solver): Promise<Tensors> {
    // The solver changes its weights, so this copy is not shared.
    const llama = this.#load(model);
    try {
      return await this.#blocks(model, (known, solved) =>
        compressSequentially(llama, this.#text.windows, wanted, inOwnWidth(model, solve), known, solved),
      );
    } finally {
      llama.release();
    }
  }

  eachBlock(model: PackedModel, solve: (layer: number) => Solution | Promise<Solution>): Promise<Tensors> {
    return this.#blocks(model, async (known, solved) => {
      for (let layer = known.length; layer < model.config.layers; layer++) await solved(layer, await solve(layer));
    });
  }

  round(matrices: readonly Unrounded[]): Promise<PackedTensor[]> {
    return roundOnThreads(this.#pool, matrices);
  }

  /** All tensors that `work` solves. Blocks that the journal has are not solved again. */
  async #blocks(
    { config: { layers } }: PackedModel,
    work: (known: readonly Solution[], solved: (layer: number, solution: Solution) => Promise<void>) => Promise<void>,
  ): Promise<Tensors> {
    const step = this.#journal.step();
    const known = await keptSolutions(step, layers);
    const tensors = new Map<string, PackedTensor>();
    for (const [layer, solution] of known.entries()) addSolution(tensors, layer, solution);
    const progress = startProgress("blocks", layers, "", known.length);
    try {
      await work(known, async (layer, solution) => {
        addSolution(tensors, layer, solution);
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
      async () => (await score(this.#floats(model), this.#text.windows, undefined, layers)).perplexity,
    );
  }

  agreement(model: PackedModel, layers: readonly number[]): Promise<number> {
    return this.#journal.once(() => {
      const llama = this.#floats(model);
      this.#agreement ??= new Agreement(llama, new TokenRows(model), this.#text.answered);
      return this.#agreement.of(layers);
    });
  }

  async gradients(model: PackedModel, squares: boolean): Promise<(tensor: string) => TensorGradient> {
    const step = this.#journal.step();
    const gradients = new Gradients(this.#floats(model));
    try {
      await this.#addAll(gradients, step);
      const all = meanGradients(model, gradients, this.#text.windows.length, squares);
      return (tensor) => all.get(tensor)!;
    } finally {
      gradients.release();
    }
  }

  /**
   * Adds the windows whose gradients the step has not kept. Keeps the sums at the end, and when the work is stopped.
   */
  async #addAll(gradients: Gradients, step: Step): Promise<void> {
    const { windows } = this.#text;
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

  async counts(size: number): Promise<Float64Array> {
    const counts = new Float64Array(size);
    for (const id of this.#text.tokens) if (id < size) counts[id]!++;
    return counts;
  }

  async moments(model: PackedModel): Promise<readonly (readonly HeadMoments[])[]> {
    this.#forget();
    const rows = new TokenRows(model);
    const llama = new FloatLlama(this.#pool, evenWidth(model));
    try {
      const known = (window: Window): number[] => Array.from(window, (token) => rows.rowOf(token));
      return ownHeads(model, await momentsOf(llama, this.#text.windows.map(known)));
    } finally {
      llama.release();
    }
  }

  influence(model: PackedModel): Promise<readonly number[]> {
    return this.#journal.once(async () => {
      const llama = this.#floats(model);
      const hidden = llama.embed(this.#text.windows);
      const influences: number[] = [];
      for (let layer = 0; layer < model.config.layers; layer++)
        influences.push(1 - (await llama.runBlock(layer, hidden)));
      llama.releaseHidden(hidden);
      return influences;
    });
  }

  /** The model in the pool's memory, padded to blocks of one width. The model before it is released. */
  #floats(model: PackedModel): FloatLlama {
    if (this.#model === model && this.#llama) return this.#llama;
    this.#forget();
    this.#model = model;
    this.#llama = this.#load(model);
    return this.#llama;
  }

  #forget(): void {
    this.#agreement?.release();
    this.#agreement = undefined;
    this.#llama?.release();
    this.#llama = undefined;
    this.#model = undefined;
  }

  #load(model: PackedModel): FloatLlama {
    if (isTrimmed(model)) {
      throw new OutriderError(
        "trimmed_vocabulary",
        `${model.model} lacks tokens that the text has; put trim-vocabulary behind the stages that measure`,
      );
    }
    return new FloatLlama(this.#pool, evenWidth(model));
  }
}

/** Without the heads that `evenWidth` padded blocks with. */
const ownHeads = ({ config }: PackedModel, moments: readonly (readonly HeadMoments[])[]): HeadMoments[][] =>
  moments.map((heads, layer) => heads.slice(0, blockShape(config, layer).kvHeads));

/** The solutions of the first blocks, up to the first one that is missing. */
async function keptSolutions(step: Step, layers: number): Promise<Solution[]> {
  const known: Solution[] = [];
  while (known.length < layers) {
    const kept = await step.load(`block-${known.length}`);
    if (!kept) break;
    known.push(decodeSolution(kept));
  }
  return known;
}
