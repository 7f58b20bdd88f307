/** Statistics of the inputs of a block's matrices, for a solver. */

import type { BlockSuffix } from "../../../../core/model/tensors.ts";
import { type FloatLlama, type Hidden, windowBytes } from "../float-llama.ts";
import { layOut } from "../passes/lay-out.ts";
import { type Input, inputSlotBytes, inputsOf, squareBytes, squareSlotBytes } from "../tasks/capture.ts";
import { gramParts } from "../tasks/gram.ts";

export interface InputStatistics {
  /** K, the width of the input. */
  readonly cols: number;
  /** (K): Σ over tokens of x². */
  readonly squares: Float64Array;
  /** (K, K): Σ over tokens of x xᵀ, where it was asked for. */
  readonly gram?: Float64Array;
  readonly windows: number;
  readonly tokens: number;
}

export type BlockStatistics = Readonly<Record<Input, InputStatistics>>;

/** Which of a block's inputs each matrix multiplies. */
export const INPUT_OF: { readonly [S in Exclude<BlockSuffix, `${string}norm.weight` | `${string}.bias`>]: Input } = {
  "self_attn.q_proj.weight": "qkv",
  "self_attn.k_proj.weight": "qkv",
  "self_attn.v_proj.weight": "qkv",
  "self_attn.o_proj.weight": "o",
  "mlp.gate_proj.weight": "gateUp",
  "mlp.up_proj.weight": "gateUp",
  "mlp.down_proj.weight": "down",
};

/** Squares alone (Wanda), or the whole Σ x xᵀ too (SparseGPT). */
export type Wanted = "squares" | "gram";

/**
 * Windows whose inputs are in memory together: enough that reading the sums of `gram` takes little time beside
 * computing them.
 */
const BATCH = 16;

/** Statistics of a block over the windows that enter it. The windows stay unchanged. */
export async function blockStatistics(
  llama: FloatLlama,
  layer: number,
  { shape, windows, hidden }: Hidden,
  wanted: Wanted,
): Promise<BlockStatistics> {
  const { pool } = llama;
  const { arena } = pool;
  const inputList = inputsOf(shape);
  const batch = Math.min(BATCH, windows);
  const squares = arena.allocate(batch * squareSlotBytes(shape));
  const gramBytes = Object.fromEntries(
    inputList.map(({ input, cols }) => [input, wanted === "gram" ? 8 * cols * cols : 0]),
  ) as Record<Input, number>;
  const gramRegion = arena.allocate(layOut(0, gramBytes).end);
  const grams = layOut(gramRegion, gramBytes).at;
  for (const { input } of inputList) arena.doubles(grams[input], gramBytes[input] / 8).fill(0);
  const slots = wanted === "gram" ? arena.allocate(batch * inputSlotBytes(shape)) : undefined;
  const totals = Object.fromEntries(inputList.map(({ input, cols }) => [input, new Float64Array(cols)])) as Record<
    Input,
    Float64Array
  >;

  const task = {
    kind: "capture",
    shape,
    weights: llama.block(layer, shape),
    rope: llama.rope(shape),
    squares,
  } as const;
  for (let first = 0; first < windows; first += batch) {
    const count = Math.min(batch, windows - first);
    const from = { ...task, hidden: hidden + first * windowBytes(shape) };
    await pool.run(slots === undefined ? from : { ...from, inputs: slots }, count);
    for (let n = 0; n < count; n++) {
      const at = layOut(squares + n * squareSlotBytes(shape), squareBytes(shape)).at;
      for (const { input, cols } of inputList) {
        const own = arena.doubles(at[input], cols);
        const total = totals[input];
        for (let k = 0; k < cols; k++) total[k]! += own[k]!;
      }
    }
    if (slots !== undefined) {
      await pool.run({ kind: "gram", shape, windows: count, inputs: slots, grams }, gramParts(shape));
    }
  }

  const of = ({ input, cols }: (typeof inputList)[number]): InputStatistics => ({
    cols,
    squares: totals[input],
    ...(wanted === "gram" && { gram: mirrored(arena.doubles(grams[input], cols * cols), cols) }),
    windows,
    tokens: windows * shape.T,
  });
  const statistics = Object.fromEntries(inputList.map((each) => [each.input, of(each)])) as unknown as BlockStatistics;
  for (const at of [squares, gramRegion, slots]) if (at !== undefined) arena.free(at);
  return statistics;
}

/** A symmetric matrix (n, n) from one that is filled at and below the diagonal. */
function mirrored(lower: Float64Array, n: number): Float64Array {
  const whole = new Float64Array(lower);
  // In squares small enough that the first cache holds both a square and its mirror image.
  const SIDE = 32;
  for (let top = 0; top < n; top += SIDE) {
    for (let left = 0; left <= top; left += SIDE) {
      for (let row = top; row < Math.min(n, top + SIDE); row++) {
        for (let col = left; col < Math.min(row, left + SIDE); col++) whole[col * n + row] = whole[row * n + col]!;
      }
    }
  }
  return whole;
}
