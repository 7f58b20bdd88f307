/** Second moments of queries and keys of every layer over windows, for the skew. */
import type { FloatLlama, Window } from "../float-llama.ts";
import { momentDoubles } from "../tasks/moments.ts";

export interface HeadMoments {
  /** (D, D): Σ q qᵀ over the queries of the group, behind RoPE. */
  readonly queries: Float64Array;
  /** (D, D): Σ (k − mean)(k − mean)ᵀ. What all keys share adds the same to every score. */
  readonly keys: Float64Array;
}

/** Of each layer, of each key/value head. */
export async function momentsOf(llama: FloatLlama, windows: readonly Window[]): Promise<HeadMoments[][]> {
  const { pool, config } = llama;
  const hidden = llama.embed(windows);
  const { shape } = hidden;
  const size = momentDoubles(shape);
  const slots = pool.arena.allocate(8 * size * windows.length);
  const layers: HeadMoments[][] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const [weights, rope] = [llama.block(layer, shape), llama.rope(shape)];
    await pool.run({ kind: "moments", shape, weights, rope, hidden: hidden.hidden, slots }, windows.length);
    const sums = new Float64Array(size);
    for (let n = 0; n < windows.length; n++) {
      const own = pool.arena.doubles(slots + 8 * size * n, size);
      for (let i = 0; i < size; i++) sums[i]! += own[i]!;
    }
    layers.push(headMoments(sums, shape.G, shape.D, windows.length * shape.T));
    if (layer + 1 < config.layers) await llama.runBlock(layer, hidden);
  }
  pool.arena.free(slots);
  llama.releaseHidden(hidden);
  return layers;
}

function headMoments(sums: Float64Array, G: number, D: number, tokens: number): HeadMoments[] {
  const each = 2 * D * D + D;
  return Array.from({ length: G }, (_, g) => {
    const keys = sums.slice(g * each + D * D, g * each + 2 * D * D);
    const sum = sums.subarray(g * each + 2 * D * D, (g + 1) * each);
    for (let i = 0; i < D; i++) for (let j = 0; j < D; j++) keys[i * D + j]! -= (sum[i]! * sum[j]!) / tokens;
    return { queries: sums.slice(g * each, g * each + D * D), keys };
  });
}
