/** What stages can measure of a model on calibration text. The caller chooses the text and who computes it. */
import type { PackedModel, PackedTensor } from "../../../core/format/pack.ts";
import type { HeadMoments } from "./solving/moments.ts";
import type { Unrounded } from "./solving/round-on-threads.ts";
import type { Solver } from "./solving/sequential.ts";
import type { Solution } from "./solving/solution.ts";
import type { Wanted } from "./solving/statistics.ts";

export type Tensors = ReadonlyMap<string, PackedTensor>;

export interface TensorGradient {
  /** Gradient of the mean loss over the whole text, in the shape of the tensor. */
  readonly gradient: Float32Array;
  /** Mean over the windows of each window's squared gradient, where it was asked for. */
  readonly squares?: Float32Array | undefined;
}

export interface Calibration {
  /**
   * Solves the model block by block: statistics of the inputs of a block's matrices go to the solver, in the block's
   * own width, and the windows go on through the tensors that it returns. Resolves to all new tensors by name.
   */
  compress(model: PackedModel, wanted: Wanted, solve: Solver): Promise<Tensors>;
  /** The same for a solver that needs no text. */
  eachBlock(model: PackedModel, solve: (layer: number) => Solution | Promise<Solution>): Promise<Tensors>;
  /** Rounds matrices on all threads. Resolves to them in their order. */
  round(matrices: readonly Unrounded[]): Promise<PackedTensor[]>;
  /** Perplexity of the model with only these blocks, in this order. */
  perplexity(model: PackedModel, layers: readonly number[]): Promise<number>;
  /**
   * Share of the target's answer tokens that the model with only these blocks predicts. Rejects with `no_answers` for a
   * text that does not tell answers apart.
   */
  agreement(model: PackedModel, layers: readonly number[]): Promise<number>;
  /**
   * Gradients of the cross-entropy by tensor name, for the matrices and norms of the blocks.
   * @param squares whether the means of their squares are asked for too
   */
  gradients(model: PackedModel, squares: boolean): Promise<(tensor: string) => TensorGradient>;
  /** Frequency of each id under `size` in the whole text; everything else uses only some windows of it. */
  counts(size: number): Promise<ArrayLike<number>>;
  /**
   * Second moments of the queries and keys of each layer's key/value heads, behind RoPE. A trimmed vocabulary reads
   * other tokens as it does when it drafts.
   */
  moments(model: PackedModel): Promise<readonly (readonly HeadMoments[])[]>;
  /** Block influence of each block (methods/shortened-llama.ts). */
  influence(model: PackedModel): Promise<readonly number[]>;
}
