/** What pruning asks of a model on calibration text. Which text, and who computes it, is for the caller to choose. */
import type { PackedModel, PackedTensor } from "../format/pack.ts";
import type { Unrounded } from "./solving/round-on-threads.ts";
import type { Solver } from "./solving/sequential.ts";
import type { Solution } from "./solving/solution.ts";
import type { Wanted } from "./solving/statistics.ts";

export type Tensors = ReadonlyMap<string, PackedTensor>;

export interface TensorGradient {
  /** Of the mean loss over all of the text, in the shape of the tensor. */
  readonly gradient: Float32Array;
  /** Mean over the samples of the squared gradient of each; where asked for. */
  readonly squares?: Float32Array | undefined;
}

export interface Calibration {
  /**
   * Block by block: statistics of its matrices' inputs, the solver's new tensors, and on through those. By name, all.
   */
  compress(model: PackedModel, wanted: Wanted, solve: Solver): Promise<Tensors>;
  /** Block by block, where a solver needs no text. */
  eachBlock(model: PackedModel, solve: (layer: number) => Solution | Promise<Solution>): Promise<Tensors>;
  /** Matrices rounded on all threads, in their order. */
  round(matrices: readonly Unrounded[]): Promise<PackedTensor[]>;
  /** Of the model with only these blocks, in this order. */
  perplexity(model: PackedModel, layers: readonly number[]): Promise<number>;
  /**
   * Share of the tokens that the target wrote which the model with only these blocks predicts. Rejects with
   * `no_answers` when the text does not say which they are.
   */
  agreement(model: PackedModel, layers: readonly number[]): Promise<number>;
  /**
   * By tensor name, for the matrices and norms of the blocks, and with `ends` for embedding, final norm and head: of
   * cross-entropy, or of KL(teacher ‖ model) where a teacher is given, whose vocabulary is the model's.
   */
  gradients(
    model: PackedModel,
    squares: boolean,
    ends?: boolean,
    teacher?: PackedModel,
  ): Promise<(tensor: string) => TensorGradient>;
  /** How often each id under `size` is in the whole text, of which all else takes only some windows. */
  counts(size: number): Promise<ArrayLike<number>>;
  /** Share of each block's weights whose Wanda score is over `times` the mean of its block (methods/owl.ts). */
  outliers(model: PackedModel, times: number): Promise<readonly number[]>;
  /** Block influence (methods/shortened-llama.ts) of each block. */
  influence(model: PackedModel): Promise<readonly number[]>;
}
