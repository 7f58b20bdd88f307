/** The three products of a layer against sums in f64, at sizes that fill no panel, block or depth. */
import { expect, test } from "vitest";
import { builtModule } from "../../src/core/platform/built.ts";
import { bindCalibration, columnsAt, rowsAt } from "../../src/tools/compress/calibrate/passes/kernels.ts";
import { seeded } from "../support/random.ts";

const memory = new WebAssembly.Memory({ initial: 512, maximum: 65536, shared: true });
const builds = { calibrate: await builtModule("calibrate"), calibrate16: await builtModule("calibrate16") };
const WORK = 4096;
const A = 4 << 20;
const B = 12 << 20;
const C = 20 << 20;

const view = (at: number, length: number) => new Float32Array(memory.buffer, at, length);

/** Element (row, k) of a factor: stored row by row, or transposed. */
const element = (values: Float32Array, along: boolean, rows: number, k: number) => (row: number, i: number) =>
  values[along ? row * k + i : i * rows + row]!;

const SIZES = [
  [1, 1, 2],
  [6, 16, 256],
  [7, 9, 257],
  [97, 31, 513],
  [100, 1030, 5],
  [13, 40, 300],
] as const;
const CASES = Object.entries(builds).flatMap(([build, module]) =>
  SIZES.map((size) => [build, module, ...size] as const),
);

test.each(CASES)("$0: $2 × $3 over $4 is what f64 gives, however the factors lie", (_build, module, m, n, k) => {
  const { gemm, gemmAdd } = bindCalibration(module, memory);
  const random = seeded(m * n + k);
  const a = view(A, m * k);
  const b = view(B, n * k);
  for (const factor of [a, b]) for (let i = 0; i < factor.length; i++) factor[i] = random() - 0.5;
  for (const [aAlong, bAlong, add] of [
    [true, true, false],
    [true, false, false],
    [false, false, true],
    [false, true, true],
  ] as const) {
    // A row of C is longer than n: what lies behind it must stay.
    const stride = n + 3;
    const factor = (at: number, along: boolean, rows: number) => (along ? rowsAt(at, 4 * k) : columnsAt(at, 4 * rows));
    const c = view(C, m * stride).fill(2);
    const multiply = add ? gemmAdd : gemm;
    multiply(m, n, k, factor(A, aAlong, m), factor(B, bAlong, n), rowsAt(C, 4 * stride), WORK);
    const left = element(a, aAlong, m, k);
    const right = element(b, bAlong, n, k);
    let worst = 0;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < stride; j++) {
        let sum = j < n && !add ? 0 : 2;
        for (let d = 0; j < n && d < k; d++) sum += left(i, d) * right(j, d);
        worst = Math.max(worst, Math.abs(c[i * stride + j]! - sum));
      }
    }
    expect(worst).toBeLessThan(1e-6 * Math.sqrt(k));
  }
});
