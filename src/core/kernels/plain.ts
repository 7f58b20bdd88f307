/**
 * The kernels in ordinary TypeScript: what each one computes, in the order in which it adds. The WASM builds must give
 * the same bits. For reading and for tests; nothing here is fast.
 */
import type { BlockFormat } from "../model/formats.ts";
import { activationBytes, FORMAT_KERNELS, type FormatKernels, type Kernels } from "./abi.ts";
import { plainAttention } from "./plain/attention.ts";
import { plainChosenKeys } from "./plain/chosen-keys.ts";
import { plainEmbed, plainMatmul } from "./plain/matmul.ts";
import { exp32, laneSum } from "./plain/numbers.ts";
import { eachLane } from "./plain/outlier-lanes.ts";
import { plainQkv } from "./plain/qkv.ts";
import { readRecord, writeRecord } from "./plain/record.ts";
import { plainRest } from "./plain/rest.ts";
import { plainSampling } from "./plain/sample.ts";

const f32 = Math.fround;

export function plainKernels(memory: WebAssembly.Memory): Kernels {
  const view = new DataView(memory.buffer);
  const getF32 = (at: number): number => view.getFloat32(at, true);
  const setF32 = (at: number, value: number): void => view.setFloat32(at, value, true);

  return {
    ...formatKernels(view),

    quantise(x, n, T, act) {
      for (let t = 0; t < T; t++) {
        writeRecord(view, n, (k) => getF32(x + (t * n + k) * 4), act + t * activationBytes(n));
      }
    },

    rmsnormQuantise(x, weight, n, T, epsilon, act) {
      for (let t = 0; t < T; t++) {
        const row = x + t * n * 4;
        const squares = laneSum(n, (k) => f32(getF32(row + k * 4) ** 2), 16);
        const inverse = f32(1 / f32(Math.sqrt(f32(f32(squares / n) + f32(epsilon)))));
        const value = (k: number): number => f32(f32(getF32(row + k * 4) * inverse) * getF32(weight + k * 4));
        writeRecord(view, n, value, act + t * activationBytes(n));
      }
    },

    swigluQuantise(gateUp, n, T, act) {
      for (let t = 0; t < T; t++) {
        const gate = gateUp + t * 2 * n * 4;
        for (let k = 0; k < n; k++) {
          const g = getF32(gate + k * 4);
          const e = exp32(Math.max(-60, Math.min(60, g)));
          const silu = f32(g * f32(e / f32(1 + e)));
          setF32(gate + k * 4, f32(silu * getF32(gate + (n + k) * 4)));
        }
        writeRecord(view, n, (k) => getF32(gate + k * 4), act + t * activationBytes(n));
      }
    },

    addOutliers(act, T, table, rows, cols, bits, out, outStride) {
      for (let t = 0; t < T; t++) {
        const { scale, q } = readRecord(view, act, t, cols, bits);
        const to = out + t * outStride * 4;
        eachLane(view, table, rows, (row, outliers) => {
          let sum = 0;
          for (const { column, value } of outliers) sum = f32(sum + f32(value * q[column]!));
          setF32(to + row * 4, f32(getF32(to + row * 4) + f32(sum * scale)));
        });
      }
    },

    ...plainQkv(view),
    ...plainAttention(view),
    ...plainRest(view),
    ...plainChosenKeys(view),
    ...plainSampling(view),

    relaxedDot: () => 0,
  };
}

function formatKernels(view: DataView): FormatKernels {
  const entries = Object.entries(FORMAT_KERNELS).flatMap(([format, { matmul, embed }]) => [
    [matmul, plainMatmul(view, format as BlockFormat)],
    [embed, plainEmbed(view, format as BlockFormat)],
  ]);
  return Object.fromEntries(entries) as FormatKernels;
}
