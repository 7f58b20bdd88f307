/** The f32 steps that several plain kernels share. */

const f32 = Math.fround;

/** Half to even, as `f32x4.nearest`. */
export function nearest(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** e^x for |x| ≤ 60 in the f32 steps of wasm/lib/exp.ts. */
export function exp32(x: number): number {
  const t = f32(x * f32(Math.LOG2E));
  const n = nearest(t);
  const f = f32(t - n);
  let p = f32(1.32647272e-3);
  for (const c of [9.67151264e-3, 5.550733743e-2, 0.2402224209, 0.6931469776, 1]) p = f32(f32(p * f) + f32(c));
  return f32(p * 2 ** n);
}

const four = (v: readonly number[]): number => f32(f32(v[0]! + v[1]!) + f32(v[2]! + v[3]!));

/**
 * Σ of n terms as SIMD adds them: `width` interleaved sums, then neighbours, (0 + 1) + (2 + 3). With 16 sums the four
 * vectors of four are added so first, lane by lane.
 */
export function laneSum(n: number, term: (i: number) => number, width: 4 | 16 = 4): number {
  const lanes = new Array<number>(width).fill(0);
  for (let i = 0; i < n; i++) lanes[i % width] = f32(lanes[i % width]! + term(i));
  if (width === 4) return four(lanes);
  return four([0, 1, 2, 3].map((lane) => four([0, 4, 8, 12].map((vector) => lanes[vector + lane]!))));
}
