/**
 * The kernels in ordinary TypeScript: what each one computes, in the order in which it adds. The WASM builds must give
 * the same bits. For reading and for tests; nothing here is fast.
 */
import { activationBytes, FORMAT_KERNELS, type FormatKernels, type Kernels } from "../../../src/core/kernels/abi.ts";
import { type Floats, floatsAfter } from "../../../src/core/kernels/address.ts";
import { f16ToNumber } from "../../../src/core/model/f16.ts";
import type { BlockFormat } from "../../../src/core/model/formats.ts";
import { plainAttention } from "./attention.ts";
import { plainChosenKeys } from "./chosen-keys.ts";
import { plainEmbed, plainMatmul } from "./matmul.ts";
import { exp32, laneSum } from "./numbers.ts";
import { readRecord, writeRecord } from "./record.ts";
import { plainRest } from "./rest.ts";
import { plainSampling } from "./sample.ts";

const f32 = Math.fround;

export function plainKernels(memory: WebAssembly.Memory): Kernels {
  const view = new DataView(memory.buffer);
  const getF32 = (at: Floats): number => view.getFloat32(at, true);
  const setF32 = (at: Floats, value: number): void => view.setFloat32(at, value, true);

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

    addBias(x, bias, n, T, stride) {
      for (let t = 0; t < T; t++) {
        for (let i = 0; i < n; i++) {
          const at = floatsAfter(x, t * stride + i);
          setF32(at, getF32(at) + getF32(floatsAfter(bias, i)));
        }
      }
    },

    normHeads(x, weight, heads, D, T, stride, epsilon) {
      for (let t = 0; t < T; t++) {
        for (let h = 0; h < heads; h++) {
          const head = floatsAfter(x, t * stride + h * D);
          const squares = laneSum(D, (i) => f32(getF32(floatsAfter(head, i)) ** 2), 16);
          const inverse = f32(1 / f32(Math.sqrt(f32(f32(squares / D) + f32(epsilon)))));
          for (let i = 0; i < D; i++) {
            const at = floatsAfter(head, i);
            setF32(at, f32(getF32(at) * inverse) * getF32(floatsAfter(weight, i)));
          }
        }
      }
    },

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

interface Outlier {
  readonly column: number;
  readonly value: number;
}

/** Calls `add` with each lane of a table of outliers (model/layouts.ts): its row, and its outliers in order. */
function eachLane(
  view: DataView,
  table: number,
  rows: number,
  add: (row: number, outliers: readonly Outlier[]) => void,
): void {
  let at = table;
  for (let first = 0; first < rows; first += 64) {
    let strips = view.getUint32(at, true);
    for (at += 4; strips > 0; strips--) {
      const count = view.getUint32(at + 4, true);
      for (let lane = 0; lane < 4; lane++) {
        const outliers = Array.from({ length: count }, (_, n) => {
          const entry = at + 8 + (4 * n + lane) * 4;
          return { column: view.getUint16(entry, true), value: f16ToNumber(view.getUint16(entry + 2, true)) };
        });
        add(first + view.getUint8(at + lane), outliers);
      }
      at += 8 + 16 * count;
    }
  }
}
