/**
 * Gradients of embedding, final norm and head: their sum over windows and the sum of their squares, as gradients.ts has
 * them for the blocks.
 */
import { EMBEDDING, FINAL_NORM, HEAD } from "../../../../core/model/tensors.ts";
import type { FloatLlama } from "../float-llama.ts";
import type { HeadLoss } from "../passes/head-loss.ts";
import { align } from "../passes/lay-out.ts";
import { type GradientSums, vocabularyGradientParts } from "../tasks/vocabulary-gradient.ts";

const END_TENSORS = [EMBEDDING, FINAL_NORM, HEAD] as const;
export type EndTensor = (typeof END_TENSORS)[number];

export class EndGradients {
  readonly #llama: FloatLlama;
  /** Floats of each tensor that the model has. */
  readonly #sizes: ReadonlyMap<EndTensor, number>;
  readonly #addresses = new Map<EndTensor, GradientSums>();

  /** Starts at zero. Takes twice the memory of embedding and head. */
  constructor(llama: FloatLlama) {
    const { embedding: E, vocabulary: V, tied } = llama.config;
    this.#llama = llama;
    this.#sizes = new Map([[EMBEDDING, V * E], [FINAL_NORM, E], ...(tied ? [] : [[HEAD, V * E] as const])]);
    const zeros = (floats: number): number => {
      const at = llama.pool.arena.allocate(4 * floats);
      llama.pool.arena.floats(at, floats).fill(0);
      return at;
    };
    for (const [name, floats] of this.#sizes)
      this.#addresses.set(name, { sums: zeros(floats), squares: zeros(floats) });
  }

  release(): void {
    for (const { sums, squares } of this.#addresses.values()) {
      this.#llama.pool.arena.free(sums);
      this.#llama.pool.arena.free(squares);
    }
  }

  /** Names of the tensors; no head where it is tied to the embedding. */
  get names(): EndTensor[] {
    return [...this.#sizes.keys()];
  }

  /** A view of the sums of gradients, or of the sums of their squares. */
  view(name: EndTensor, of: keyof GradientSums): Float32Array {
    return this.#llama.pool.arena.floats(this.#addresses.get(name)![of], this.#sizes.get(name)!);
  }

  /**
   * Adds the gradients of windows after their backward pass. `d` (windows, T, E) is the gradient of the embedded
   * tokens, `dNorm` (windows, E) that of the final norm.
   */
  async add(windows: number, end: HeadLoss, d: number, dNorm: number): Promise<void> {
    const { pool } = this.#llama;
    const embedding = this.#addresses.get(EMBEDDING)!;
    const output = this.#addresses.get(HEAD) ?? embedding;
    const task = { kind: "vocabulary-gradient", ...end, windows, d, embedding, output } as const;
    await pool.run(task, vocabularyGradientParts(task));
    const [sums, squares] = [this.view(FINAL_NORM, "sums"), this.view(FINAL_NORM, "squares")];
    const { E } = end.shape;
    for (let window = 0; window < windows; window++) {
      for (const [i, value] of pool.arena.floats(dNorm + window * align(4 * E), E).entries()) {
        sums[i]! += value;
        squares[i]! += value * value;
      }
    }
  }
}
