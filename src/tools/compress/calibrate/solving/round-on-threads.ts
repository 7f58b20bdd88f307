/**
 * Rounds matrices on all threads of a pool. A codebook belongs to one row, so matrices are independent of each other.
 */
import type { PackedTensor } from "../../../../core/format/pack.ts";
import { denseBytes, type TensorLayout } from "../../../../core/model/layouts.ts";
import type { Pool } from "../threads/pool.ts";

/** A matrix (rows, cols) to round to a layout without outliers. Each error counts by its weight's sensitivity. */
export interface Unrounded {
  readonly layout: TensorLayout;
  readonly values: Float32Array;
  readonly sensitivities: Float32Array;
}

/** The result of `roundedTensor` for each matrix. */
export async function roundOnThreads(pool: Pool, matrices: readonly Unrounded[]): Promise<PackedTensor[]> {
  const { arena } = pool;
  const put = (values: Float32Array): number => {
    const at = arena.allocate(4 * values.length);
    arena.floats(at, values.length).set(values);
    return at;
  };
  const placed = matrices.map(({ layout, values, sensitivities }) => ({
    layout,
    values: put(values),
    sensitivities: put(sensitivities),
    out: arena.allocate(denseBytes(layout)),
  }));
  // The largest first, so that threads end together.
  const order = [...placed].sort((a, b) => b.layout.rows * b.layout.cols - a.layout.rows * a.layout.cols);
  await pool.run({ kind: "round", matrices: order }, order.length);
  const rounded = placed.map(({ layout, out }) => ({
    ...layout,
    bytes: arena.bytesAt(out, denseBytes(layout)).slice(),
  }));
  for (const { values, sensitivities, out } of placed) for (const at of [values, sensitivities, out]) arena.free(at);
  return rounded;
}
