/**
 * Fits the down projections of a model to the residual stream of the whole model that it is a part of, block by block.
 * The windows come out of the blocks that are already fitted. The whole model runs beside it, with one block in memory
 * at a time.
 */
import { type FloatLlama, type Hidden, type Window, windowBytes } from "../float-llama.ts";
import { normalParts } from "../tasks/normal.ts";
import { residualSlotBytes } from "../tasks/residual.ts";
import { putSolution, type Solution } from "./solution.ts";

/** Sums over weighted positions; x is what `down` multiplies, r what the stream behind the block still lacks. */
export interface NormalEquations {
  /** (F, F): Σ x xᵀ, at and below the diagonal. */
  readonly gram: Float64Array;
  /** (E, F): Σ r xᵀ. */
  readonly cross: Float64Array;
}

/** What a solver sees: the block's number, its equations and the weights of its down projection, (E, F). */
export type Fit = (layer: number, equations: NormalEquations, down: Float32Array) => Solution;

/** Windows whose slots are in memory together. */
const BATCH = 16;

/**
 * Fits the blocks after those in `known`, which are solutions of the first blocks. `left` names the model's blocks in
 * `whole`. A block is fitted to what enters its successor in `whole`, the last one to what enters the final norm. Calls
 * `solved` with each new solution, and stops if that rejects.
 */
export async function fitSequentially(
  llama: FloatLlama,
  whole: FloatLlama,
  left: readonly number[],
  windows: readonly Window[],
  solve: Fit,
  known: readonly Solution[],
  solved: (layer: number, solution: Solution) => Promise<void>,
): Promise<void> {
  const { layers } = llama.config;
  for (const [layer, solution] of known.entries()) putSolution(llama, layer, solution);
  if (known.length === layers) return;
  const hidden = llama.embed(windows);
  const wanted = whole.embed(windows);
  try {
    for (let layer = 0, next = 0; layer < layers; layer++) {
      for (const end = left[layer + 1] ?? whole.config.layers; next < end; next++) {
        whole.loadBlock(next);
        await whole.runBlock(next, wanted);
        whole.releaseBlock(next);
      }
      if (layer >= known.length) {
        const equations = await normalEquations(llama, layer, hidden, wanted);
        const solution = solve(layer, equations, llama.weights(layer, "mlp.down_proj.weight").slice());
        putSolution(llama, layer, solution);
        await solved(layer, solution);
      }
      if (layer + 1 < layers) await llama.runBlock(layer, hidden);
    }
  } finally {
    llama.releaseHidden(hidden);
    whole.releaseHidden(wanted);
  }
}

/** The equations of a block over the windows that enter it and those that are wanted behind it. */
async function normalEquations(
  llama: FloatLlama,
  layer: number,
  { shape, windows, hidden }: Hidden,
  wanted: Hidden,
): Promise<NormalEquations> {
  const { pool } = llama;
  const { arena } = pool;
  const { E, F } = shape;
  const batch = Math.min(BATCH, windows);
  const slots = arena.allocate(batch * residualSlotBytes(shape));
  const sums = arena.allocate(8 * (F + E) * F);
  arena.doubles(sums, (F + E) * F).fill(0);
  const [weights, rope] = [llama.block(layer, shape), llama.rope(shape)];
  for (let first = 0; first < windows; first += batch) {
    const count = Math.min(batch, windows - first);
    const skipped = first * windowBytes(shape);
    const from = { hidden: hidden + skipped, wanted: wanted.hidden + skipped };
    await pool.run({ kind: "residual", shape, weights, rope, ...from, slots }, count);
    await pool.run({ kind: "normal", shape, windows: count, slots, sums }, normalParts(shape));
  }
  const equations = {
    gram: arena.doubles(sums, F * F).slice(),
    cross: arena.doubles(sums + 8 * F * F, E * F).slice(),
  };
  arena.free(slots);
  arena.free(sums);
  return equations;
}
