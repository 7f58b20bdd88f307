/**
 * The least that one kernel call has to move and compute, from its arguments. Each kernel is one row of KERNELS; the
 * rows of weight formats come from the table of model/formats.ts.
 *
 * Bytes count every operand read once and every result written once, whatever the kernel does beyond that. A
 * multiply-add is one multiplication or division, with the addition behind it if there is one. Exponentials, roots and
 * comparisons count nothing.
 */
import {
  activationBytes,
  type Embed,
  FORMAT_KERNELS,
  type FormatKernels,
  headBlockBytes,
  indexBytes,
  type Kernels,
  type Matmul,
  PAGE_TOKENS,
  restBlockBytes,
} from "../../core/kernels/abi.ts";
import { type BlockFormat, FORMATS } from "../../core/model/formats.ts";

/**
 * The kind of a multiplication: `int8` is an activation of 8 bits by a weight of at most 8; `int14` an activation of 14
 * bits (two int8 lanes, or one int16 lane); `int16` two numbers that need an int16 lane; `f32` floats.
 */
export type Arithmetic = "int8" | "int14" | "int16" | "f32";

export interface Cost {
  /** Bytes of weights, keys and values. Each is read once per pass, from wherever the whole model fits. */
  readonly streamed: number;
  /** Bytes of activations and results, which the neighbouring calls have in cache. */
  readonly resident: number;
  /** Multiply-adds by their kind. */
  readonly macs: Readonly<Record<Arithmetic, number>>;
}

/** The tensor, or neighbouring tensors, that hold the weights of a call; or their tables of outliers. */
export interface WeightSize {
  readonly bytes: number;
  readonly rows: number;
  /** Outliers in the tables. */
  readonly outliers: number;
}

interface KernelCost<Args extends readonly number[]> {
  /** Where the weights of a call start, and how many rows of them it multiplies. */
  readonly weight?: (args: Args) => { address: number; rows: number };
  readonly cost: (args: Args, weight: WeightSize) => Cost;
}

const NOTHING: Cost = { streamed: 0, resident: 0, macs: { int8: 0, int14: 0, int16: 0, f32: 0 } };

const cost = (streamed: number, resident: number, macs: Partial<Cost["macs"]> = {}): Cost => ({
  streamed,
  resident,
  macs: { ...NOTHING.macs, ...macs },
});

type FormatCosts = { readonly [K in keyof FormatKernels]: KernelCost<Parameters<FormatKernels[K]>> };

/** `perWeight`: multiplications to decode one value. */
const embed = (perWeight: number): KernelCost<Parameters<Embed>> => ({
  weight: ([address]) => ({ address, rows: 1 }),
  cost: ([, , , cols], { bytes, rows }) => cost(bytes / rows, 4 * cols, { f32: perWeight * cols }),
});

/** `kindOf`: the kind of multiplication for so many bits of activation. */
const matmul = (kindOf: (bits: number) => Arithmetic): KernelCost<Parameters<Matmul>> => ({
  weight: ([, , address, , rows]) => ({ address, rows }),
  cost: ([, T, , , rows, cols, bits, , , accumulate], { bytes }) =>
    cost(bytes, T * (activationBytes(cols) + rows * (accumulate ? 8 : 4)), {
      [kindOf(bits)]: T * rows * cols,
    }),
});

/** One multiplication to decode a value; what a format's matmul multiplies, its file in model/formats/ tells. */
function formatCosts(): FormatCosts {
  const rows = Object.entries(FORMATS).flatMap(([name, { tableBytes, activationBits }]) => {
    const kernels = FORMAT_KERNELS[name as BlockFormat];
    // A byte of a table stands for the product.
    const kindOf = (bits: number): Arithmetic => (tableBytes || (activationBits ?? bits) === 8 ? "int8" : "int14");
    return [
      [kernels.embed, embed(1)],
      [kernels.matmul, matmul(kindOf)],
    ];
  });
  return Object.fromEntries(rows) as FormatCosts;
}

/** Between a page's head blocks and the same at rest. */
const atRest = (blocks: number, D: number, T: number) =>
  cost((blocks * T * (headBlockBytes(D) + restBlockBytes(D))) / PAGE_TOKENS, 0, { f32: 2 * 7 * blocks * D * T });
/** Bytes of one token's keys and values in one layer. */
const kvBytes = (G: number, D: number): number => (G * headBlockBytes(D)) / PAGE_TOKENS;

const KERNELS: { readonly [K in keyof Kernels]: KernelCost<Parameters<Kernels[K]>> } = {
  ...formatCosts(),

  // to integers
  quantise: { cost: ([, n, T]) => cost(0, T * (4 * n + activationBytes(n)), { f32: n * T }) },
  // square, times 1/rms, times weight, to integers
  rmsnormQuantise: {
    weight: ([, address]) => ({ address, rows: 1 }),
    cost: ([, , n, T], { bytes }) => cost(bytes, T * (4 * n + activationBytes(n)), { f32: 4 * n * T }),
  },
  // gate/(1 + e^−gate), times up, to integers
  swigluQuantise: { cost: ([, n, T]) => cost(0, T * (8 * n + activationBytes(n)), { f32: 3 * n * T }) },

  // At most as many rows are touched as there are outliers.
  addOutliers: {
    weight: ([, , address, rows]) => ({ address, rows }),
    cost: ([, T, , rows, cols], { bytes, outliers }) =>
      cost(bytes, T * (activationBytes(cols) + Math.min(rows, outliers) * 8), { f32: T * outliers }),
  },

  addBias: {
    weight: ([, address]) => ({ address, rows: 1 }),
    cost: ([, , n, T], { bytes }) => cost(bytes, 8 * T * n),
  },
  // square, times 1/rms, times weight
  normHeads: {
    weight: ([, address]) => ({ address, rows: 1 }),
    cost: ([, , heads, D, T], { bytes }) => cost(bytes, 8 * T * heads * D, { f32: 3 * heads * D * T }),
  },

  // a·cos, b·sin, b·cos, a·sin for a pair
  rope: { cost: ([, heads, D, T]) => cost(0, T * (8 * heads * D + 4 * D), { f32: 2 * heads * D * T }) },

  // to integers
  kvAppend: { cost: ([, , , T, G, D]) => cost(T * kvBytes(G, D), T * 8 * G * D, { f32: 2 * G * D * T }) },

  // Five sums a number for the rotation, and a product each before and after it.
  packPage: { cost: ([, blocks, D, T]) => atRest(blocks, D, T) },
  unpackPage: { cost: ([, blocks, D, T]) => atRest(blocks, D, T) },

  // Scores and the mix of values in integers. A score becomes a weight in floats: ten operations for a power of e, four
  // for scales.
  attention: {
    cost: ([, , T, H, G, D, , , position]) => {
      const scores = H * (T * position + (T * (T + 1)) / 2);
      return cost((position + T) * kvBytes(G, D), 8 * T * H * D, { int16: 2 * scores * D, f32: 14 * scores });
    },
  },

  // A row's scale and the probe's.
  scoreRows: {
    cost: ([, heads, W, , , pages]) => {
      const rows = pages * PAGE_TOKENS;
      const scored = heads * rows;
      return cost(pages * indexBytes(W), 4 * heads * W + 4 * rows, { int8: scored * W, f32: 2 * scored });
    },
  },
  chooseBest: { cost: ([, n, , most]) => cost(0, 4 * n + 4 * Math.min(n, most)) },
  gatherKeys: { cost: ([, count, D]) => cost(count * kvBytes(1, D), count * (4 + kvBytes(1, D))) },

  relaxedDot: { cost: () => NOTHING },

  argmax: { cost: ([, n]) => cost(0, 4 * n) },
  // less the largest, times scale
  gumbelArgmax: { cost: ([, n, ids]) => cost(0, (ids ? 8 : 4) * n, { f32: n }) },
  logSumExp: { cost: ([, n]) => cost(0, 4 * n, { f32: n }) },
  gatherAbove: { cost: ([, n]) => cost(0, 4 * n) },
};

// A recorded call has no types; its arguments are those of its kernel.
const rowOf = (kernel: keyof Kernels) => KERNELS[kernel] as KernelCost<readonly number[]>;

/** Where the weights of a call lie; undefined for a kernel without weights. */
export const weightOf = (kernel: keyof Kernels, args: readonly number[]) => rowOf(kernel).weight?.(args);

/** The cost of a call whose weights, if it has any, have this size. */
export const costOf = (kernel: keyof Kernels, args: readonly number[], weight: WeightSize): Cost =>
  rowOf(kernel).cost(args, weight);

export function sumCosts(costs: readonly Cost[]): Cost {
  return costs.reduce(
    (sum, { streamed, resident, macs }) =>
      cost(sum.streamed + streamed, sum.resident + resident, {
        int8: sum.macs.int8 + macs.int8,
        int14: sum.macs.int14 + macs.int14,
        int16: sum.macs.int16 + macs.int16,
        f32: sum.macs.f32 + macs.f32,
      }),
    NOTHING,
  );
}

export const totalBytes = ({ streamed, resident }: Cost): number => streamed + resident;
export const totalMacs = ({ macs }: Cost): number => macs.int8 + macs.int14 + macs.int16 + macs.f32;
