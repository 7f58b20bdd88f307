/** KV pages ⇄ their form at rest (drawn in abi.ts), in plain TypeScript. */
import { headBlockBytes, type Kernels, restBlockBytes } from "../../../src/core/kernels/abi.ts";
import { laneSum } from "./numbers.ts";
import { readKey, readValue, writeKey, writeValue } from "./page.ts";

const f32 = Math.fround;

/** Steps of the uniform rounding that loses least of a Gaussian (Max 1960), in deviations, by the bits of a code. */
const DEVIATIONS = { 4: f32(0.3352), 3: f32(0.586) } as const;

type Bits = keyof typeof DEVIATIONS;

export function plainRest(view: DataView): Pick<Kernels, "packPage" | "unpackPage"> {
  /** Codes as bit planes from `at` on, the step at `stepAt`. */
  const writeCodes = (x: readonly number[], bits: Bits, at: number, stepAt: number): void => {
    const squares = laneSum(x.length, (i) => f32(x[i]! * x[i]!));
    const upper = upperHalf(f32(f32(Math.sqrt(f32(squares / x.length))) * DEVIATIONS[bits]));
    const step = ofUpperHalf(upper);
    const toInt = step > 0 ? f32(1 / step) : 0;
    const half = 2 ** (bits - 1);
    rotated(x).forEach((value, i) => {
      const code = Math.max(-half, Math.min(half - 1, Math.floor(f32(value * toInt)))) + half;
      for (let b = 0; b < bits; b++) {
        const word = at + 4 * (bits * (i >> 5) + b);
        view.setUint32(word, view.getUint32(word, true) | (((code >> b) & 1) << (i & 31)), true);
      }
    });
    view.setUint16(stepAt, upper, true);
  };
  const readCodes = (D: number, bits: Bits, at: number, stepAt: number): number[] => {
    const step = ofUpperHalf(view.getUint16(stepAt, true));
    return rotated(
      Array.from({ length: D }, (_, i) => {
        let code = 0;
        for (let b = 0; b < bits; b++) {
          const word = view.getUint32(at + 4 * (bits * (i >> 5) + b), true);
          code |= ((word >>> (i & 31)) & 1) << b;
        }
        return f32((code + 0.5 - 2 ** (bits - 1)) * step);
      }),
    );
  };
  /** Where a token's codes and steps lie. */
  const placesOf = (rest: number, t: number, D: number) => {
    const steps = rest + 28 * D + 2 * t;
    return { k: rest + (t * D) / 2, kStep: steps, v: rest + 16 * D + (3 * t * D) / 8, vStep: steps + 64 };
  };

  return {
    packPage(page, blocks, D, T, out) {
      new Uint8Array(view.buffer, out, blocks * restBlockBytes(D)).fill(0);
      for (let n = 0; n < blocks; n++) {
        const block = page + n * headBlockBytes(D);
        for (let t = 0; t < T; t++) {
          const { k, kStep, v, vStep } = placesOf(out + n * restBlockBytes(D), t, D);
          writeCodes(readKey(view, block, t, D), 4, k, kStep);
          writeCodes(readValue(view, block, t, D), 3, v, vStep);
        }
      }
    },

    unpackPage(packed, blocks, D, T, page) {
      for (let n = 0; n < blocks; n++) {
        const block = page + n * headBlockBytes(D);
        for (let t = 0; t < T; t++) {
          const { k, kStep, v, vStep } = placesOf(packed + n * restBlockBytes(D), t, D);
          const key = readCodes(D, 4, k, kStep);
          const value = readCodes(D, 3, v, vStep);
          writeKey(view, block, t, D, (i) => key[i]!);
          writeValue(view, block, t, D, (i) => value[i]!);
        }
      }
    },
  };
}

/** Each 32 numbers, by a Hadamard matrix over √32. */
function rotated(x: readonly number[]): number[] {
  const out = [...x];
  for (let group = 0; group < out.length; group += 32) {
    for (let h = 1; h < 32; h *= 2) {
      for (let i = 0; i < 32; i++) {
        if (i & h) continue;
        const at = group + i;
        const a = out[at]!;
        const b = out[at + h]!;
        out[at] = f32(a + b);
        out[at + h] = f32(a - b);
      }
    }
    for (let i = group; i < group + 32; i++) out[i] = f32(out[i]! * f32(Math.SQRT1_2 / 4));
  }
  return out;
}

const bits32 = new DataView(new ArrayBuffer(4));

function upperHalf(x: number): number {
  bits32.setFloat32(0, x);
  return bits32.getUint16(0);
}

function ofUpperHalf(upper: number): number {
  bits32.setUint32(0, upper * 2 ** 16);
  return bits32.getFloat32(0);
}
