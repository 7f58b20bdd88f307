/**
 * A Llama in f32 whose weights lie in the memory of a pool's threads. It runs block by block over windows, and a solver
 * may replace its weights on the way.
 */
import type { PackedModel } from "../../../core/format/pack.ts";
import type { LlamaConfig } from "../../../core/model/config.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { scaledFrequency } from "../../../core/model/rope.ts";
import {
  type BlockSuffix,
  blockSuffixes,
  blockTensor,
  EMBEDDING,
  FINAL_NORM,
  HEAD,
} from "../../../core/model/tensors.ts";
import type { Head } from "./passes/head.ts";
import { align } from "./passes/lay-out.ts";
import {
  type BlockAddresses,
  blockAddresses,
  blockMatrices,
  type RopeTables,
  type Shape,
  shapeOf,
} from "./passes/shape.ts";
import type { Pool } from "./threads/pool.ts";

export type Window = ArrayLike<number>;

/** Windows behind some of a model's blocks. Free `hidden` and `tokens` with `releaseHidden`. */
export interface Hidden {
  readonly shape: Shape;
  readonly windows: number;
  /** (windows, T, E), each window aligned. */
  readonly hidden: number;
  /** (windows, T) i32 */
  readonly tokens: number;
}

/** Bytes from one window's hidden states to the next's. */
export const windowBytes = ({ T, E }: Shape): number => align(4 * T * E);

export class FloatLlama {
  readonly pool: Pool;
  readonly config: LlamaConfig;
  readonly #tensors: PackedModel["tensors"];
  /** Addresses of the blocks that are in memory. */
  readonly #blocks = new Map<number, number>();
  readonly #embedding: number;
  readonly #head: Head;
  #rope: { readonly tables: RopeTables; readonly tokens: number } | undefined;

  /**
   * Decodes a model's tensors into the pool's memory. Throws `uneven_widths` for blocks of different widths.
   */
  constructor(pool: Pool, { config, tensors }: PackedModel) {
    if (config.widths) {
      throw new OutriderError(
        "uneven_widths",
        "calibration takes blocks of one width; calibrate before heads or channels are pruned, or pad them (evenWidth)",
      );
    }
    this.pool = pool;
    this.config = config;
    this.#tensors = tensors;
    const { embedding: E, vocabulary: V, layers, tied } = config;
    const allocate = (name: string, floats: number): number => {
      const at = pool.arena.allocate(4 * floats);
      this.#put(at, name);
      return at;
    };
    this.#embedding = allocate(EMBEDDING, V * E);
    for (let layer = 0; layer < layers; layer++) this.#loadBlock(layer);
    this.#head = {
      norm: allocate(FINAL_NORM, E),
      weights: tied ? this.#embedding : allocate(HEAD, V * E),
      vocabulary: V,
    };
  }

  #put(at: number, name: string): void {
    const tensor = this.#tensors.get(name)!;
    this.pool.arena.floats(at, tensor.rows * tensor.cols).set(decodeTensor(tensor, tensor.bytes));
  }

  /** Brings the model's own weights of a block into memory. */
  #loadBlock(layer: number): void {
    const { floats, tensors } = blockMatrices(this.config);
    const at = this.pool.arena.allocate(4 * floats);
    for (const suffix of blockSuffixes(this.config)) {
      this.#put(at + 4 * tensors[suffix].offset, blockTensor(layer, suffix));
    }
    this.#blocks.set(layer, at);
  }

  /** Frees all of its memory, for the next model of the pool. */
  release(): void {
    const { arena } = this.pool;
    this.releaseBlocks();
    arena.free(this.#embedding);
    arena.free(this.#head.norm);
    if (!this.config.tied) arena.free(this.#head.weights);
    if (this.#rope) arena.free(this.#rope.tables.cos);
  }

  /** Frees the blocks, most of its memory. The head stays, to read windows that have run through the blocks. */
  releaseBlocks(): void {
    for (const at of this.#blocks.values()) this.pool.arena.free(at);
    this.#blocks.clear();
  }

  get head(): Head {
    return this.#head;
  }

  /** Addresses of a block's weights for windows of this shape. */
  block(layer: number, shape: Shape): BlockAddresses {
    return blockAddresses(shape, this.#blocks.get(layer)!);
  }

  /** The present values of a block's tensor, (rows, cols): a view that is valid until `setWeights`. */
  weights(layer: number, suffix: BlockSuffix): Float32Array {
    const { rows, cols, offset } = blockMatrices(this.config).tensors[suffix];
    return this.pool.arena.floats(this.#blocks.get(layer)! + 4 * offset, rows * cols);
  }

  /** Replaces a block's tensor. Throws `invalid_shape` unless it is as large as the old one. */
  setWeights(layer: number, suffix: BlockSuffix, values: Float32Array): void {
    const place = this.weights(layer, suffix);
    if (values.length !== place.length) {
      throw new OutriderError(
        "invalid_shape",
        `${blockTensor(layer, suffix)} has ${place.length} values, got ${values.length}; keep its shape`,
      );
    }
    place.set(values);
  }

  /** The windows embedded. Throws `bad_windows` unless they have one length, at least 2, and only known tokens. */
  embed(windows: readonly Window[]): Hidden {
    const { arena } = this.pool;
    const { embedding: E, vocabulary: V } = this.config;
    const T = windows[0]?.length ?? 0;
    if (T < 2) throw new OutriderError("bad_windows", `windows need at least 2 tokens, got ${T}; take a longer text`);
    for (const [n, window] of windows.entries()) {
      if (window.length !== T) {
        throw new OutriderError(
          "bad_windows",
          `window ${n} has ${window.length} tokens, the first ${T}; cut them alike`,
        );
      }
      for (let t = 0; t < T; t++) {
        if (!(window[t]! >= 0 && window[t]! < V)) {
          throw new OutriderError("bad_windows", `window ${n}: token ${window[t]} of ${V}; use this model's tokenizer`);
        }
      }
    }
    const shape = shapeOf(this.config, T);
    const hidden = arena.allocate(windows.length * windowBytes(shape));
    const tokens = arena.allocate(4 * windows.length * T);
    const table = arena.floats(this.#embedding, V * E);
    for (const [n, window] of windows.entries()) {
      arena.integers(tokens + 4 * n * T, T).set(Array.from(window));
      const x = arena.floats(hidden + n * windowBytes(shape), T * E);
      for (let t = 0; t < T; t++) x.set(table.subarray(window[t]! * E, (window[t]! + 1) * E), t * E);
    }
    return { shape, windows: windows.length, hidden, tokens };
  }

  releaseHidden({ hidden, tokens }: Hidden): void {
    this.pool.arena.free(hidden);
    this.pool.arena.free(tokens);
  }

  /** A copy of windows at their present block, to run through other blocks from there. */
  copyHidden({ shape, windows, hidden, tokens }: Hidden): Hidden {
    const { arena } = this.pool;
    const copy = (at: number, bytes: number): number => {
      const to = arena.allocate(bytes);
      arena.floats(to, bytes / 4).set(arena.floats(at, bytes / 4));
      return to;
    };
    const size = windows * windowBytes(shape);
    return { shape, windows, hidden: copy(hidden, size), tokens: copy(tokens, 4 * windows * shape.T) };
  }

  /**
   * Runs one block over all windows, in place. Returns the mean cosine between its input and its output; 1 minus that
   * is the block influence (Men et al. 2024, arXiv 2403.03853, section 3.2).
   */
  async runBlock(layer: number, { shape, windows, hidden }: Hidden, saved?: number): Promise<number> {
    const { arena } = this.pool;
    const cosines = arena.allocate(8 * windows);
    const weights = this.block(layer, shape);
    const task = { kind: "forward", shape, weights, rope: this.rope(shape), hidden, cosines } as const;
    await this.pool.run(saved === undefined ? task : { ...task, saved }, windows);
    const mean = arena.doubles(cosines, windows).reduce((sum, value) => sum + value, 0) / (windows * shape.T);
    arena.free(cosines);
    return mean;
  }

  /** Tables of cosines and sines for windows of this length or shorter. */
  rope({ T, D }: Shape): RopeTables {
    if (this.#rope && this.#rope.tokens >= T) return this.#rope.tables;
    const { arena } = this.pool;
    const { ropeTheta, ropeScaling } = this.config;
    if (this.#rope) arena.free(this.#rope.tables.cos);
    const cos = arena.allocate(4 * T * D);
    const tables = { cos, sin: cos + 2 * T * D };
    const [cosines, sines] = [arena.floats(tables.cos, (T * D) / 2), arena.floats(tables.sin, (T * D) / 2)];
    for (let i = 0; i < D / 2; i++) {
      // Angles are rounded to f32 as in transformers: at position 511 the difference is 2e-5 of a gradient.
      const plain = Math.fround(1 / Math.fround(ropeTheta ** ((2 * i) / D)));
      const frequency = Math.fround(scaledFrequency(plain, ropeScaling));
      for (let t = 0; t < T; t++) {
        const angle = Math.fround(t * frequency);
        cosines[(t * D) / 2 + i] = Math.cos(angle);
        sines[(t * D) / 2 + i] = Math.sin(angle);
      }
    }
    this.#rope = { tables, tokens: T };
    return tables;
  }
}
