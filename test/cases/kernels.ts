/**
 * The case table of the kernels: each case writes its inputs into a memory, names the call and the output range.
 * Every implementation runs every case; `tolerance` is the largest difference from the plain twin, relative to the
 * largest magnitude of the output, 0 meaning bit for bit.
 */
import {
  activationBytes,
  FORMAT_KERNELS,
  headBlockBytes,
  indexBytes,
  type Kernels,
  PAGE_TOKENS,
  pageBytes,
  restBlockBytes,
} from "../../src/core/kernels/abi.ts";
import { numberToF16 } from "../../src/core/model/f16.ts";
import type { ActivationBits } from "../../src/core/model/formats/format.ts";
import { Q2HAD } from "../../src/core/model/formats/q2had.ts";
import { Q4U } from "../../src/core/model/formats/q4u.ts";
import { Q8 } from "../../src/core/model/formats/q8.ts";
import { BLOCK_FORMATS, type BlockFormat } from "../../src/core/model/formats.ts";
import { type BlockParts, blockParts, type TensorLayout, tensorBytes } from "../../src/core/model/layouts.ts";
import { withOutliers } from "../../src/core/model/outlier-table.ts";
import { seeded } from "../support/random.ts";

export interface KernelCase {
  readonly name: string;
  readonly tolerance: number;
  /** Writes the inputs into the memory and returns the call and the range of its output. */
  prepare(memory: WebAssembly.Memory): Prepared;
}

export interface Prepared {
  run(kernels: Kernels): void;
  readonly output: { readonly address: number; readonly bytes: number };
}

// Odd addresses on purpose where the ABI allows them: kernels must not assume 16-byte alignment of f32 rows.
const X = 4096 + 4;
const WEIGHT = 1 << 20;
const ACT = 3 << 20;
const OUT = (4 << 20) + 4;
const PAGES = 2048;
const PAGE_DATA = 5 << 20;
const SCRATCH = 7 << 20;

type Fill = "random" | "zeros" | "spike" | "tiny" | "top" | "bottom";

function fillFloats(memory: WebAssembly.Memory, at: number, n: number, seed: number, fill: Fill = "random"): void {
  const view = new DataView(memory.buffer);
  const random = seeded(seed);
  for (let i = 0; i < n; i++) {
    let value = (random() - 0.5) * 4;
    if (fill === "zeros") value = i & 1 ? -0 : 0;
    if (fill === "spike") value = i === n - 1 ? 3e4 : value * 1e-3;
    if (fill === "tiny") value *= 1e-30;
    if (fill === "top") value = 1;
    if (fill === "bottom") value = -1;
    view.setFloat32(at + i * 4, value, true);
  }
}

/** Fills blocks with any bits that the format allows. */
function fillWeights(memory: WebAssembly.Memory, layout: TensorLayout, seed: number): void {
  const bytes = new Uint8Array(memory.buffer, WEIGHT, tensorBytes(layout));
  const view = new DataView(memory.buffer);
  const random = seeded(seed);
  for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256;
  const parts = blockParts(layout);
  for (let block = WEIGHT; block < WEIGHT + bytes.length; block += parts.bytes) {
    FILL[layout.format as BlockFormat](view, block, parts, random);
  }
}

/** Subnormal f16 scales too: real files have them. */
const randomScale = (random: () => number): number => numberToF16((random() - 0.5) * (random() < 0.1 ? 1e-6 : 0.1));

/** What the random bytes of a block must not be, a row a format. */
const FILL: Record<BlockFormat, (view: DataView, block: number, parts: BlockParts, random: () => number) => void> = {
  q4u(view, block, { codebook }, random) {
    for (let tile = block; tile < block + codebook; tile += Q4U.tileBytes) {
      for (let at: number = Q4U.d; at < Q4U.tileBytes; at += 2) view.setUint16(tile + at, randomScale(random), true);
    }
  },
  q8(view, block, { codebook }, random) {
    for (let tile = block; tile < block + codebook; tile += Q8.tileBytes) {
      for (let r = 0; r < 16; r++) {
        view.setUint16(tile + Q8.d + 2 * r, randomScale(random), true);
        let sum = 0;
        for (let k = 0; k < 32; k++) sum += view.getInt8(tile + (k >> 2) * 64 + r * 4 + (k & 3));
        view.setInt16(tile + Q8.sums + 2 * r, sum, true);
      }
    }
  },
  lut4: fillCodebooks,
  lut3: fillCodebooks,
  q2had: fillLevels,
  q3had: fillScales,
  q2add: fillScales,
  q3add: fillScales,
};

/**
 * Outliers of any sign, size and place, as many a row as `counts` says, over and over. Returns where their table lies.
 */
function fillOutliers(memory: WebAssembly.Memory, layout: TensorLayout, counts: readonly number[]): number {
  const random = seeded(layout.rows);
  const starts = [0];
  for (let row = 0; row < layout.rows; row++) starts.push(starts[row]! + counts[row % counts.length]!);
  const columns = Array.from({ length: starts[layout.rows]! }, () => Math.floor(random() * layout.cols));
  const values = columns.map(() => (random() - 0.5) * (random() < 0.1 ? 1e-6 : 1));
  const { bytes } = withOutliers({ ...layout, bytes: new Uint8Array(0) }, { starts, columns, values });
  // Behind blocks whose bytes are a multiple of 16.
  const table = WEIGHT + tensorBytes(layout) + 4;
  new Uint8Array(memory.buffer).set(bytes, table);
  return table;
}

function fillLevels(view: DataView, block: number, { codebook, bytes }: BlockParts, random: () => number): void {
  const levels = random() < 0.5 ? [0.91, -1.3, 0.2, -0.37] : [-1.5, -0.45, 0.45, 1.5];
  for (const [i, level] of levels.entries()) view.setFloat32(block + codebook + 4 * i, level, true);
  fillScales(view, block, { codebook: codebook + Q2HAD.scales, bytes }, random);
}

function fillScales(
  view: DataView,
  block: number,
  { codebook, bytes }: Pick<BlockParts, "codebook" | "bytes">,
  random: () => number,
): void {
  for (let at = block + codebook; at < block + bytes; at += 4) view.setFloat32(at, random() * 0.1, true);
}

/** The first rows have the largest entry only: with the largest activations, the largest sums. */
function fillCodebooks(view: DataView, block: number, { codebook, bytes }: BlockParts, random: () => number): void {
  const lines = block + bytes - 128;
  for (let at = block + codebook; at < lines; at++)
    view.setUint8(at, at < block + codebook + 16 ? 63 : view.getUint8(at) & 63);
  for (let at = lines; at < block + bytes; at += 4) view.setFloat32(at, (random() - 0.5) * 0.1, true);
}

interface MatmulCase {
  readonly format: BlockFormat;
  readonly rows: number;
  readonly cols: number;
  readonly T?: number;
  readonly bits?: ActivationBits;
  readonly accumulate?: 0 | 1;
  readonly fill?: Fill;
  /** Outliers of each row, over and over. */
  readonly outliers?: readonly number[];
}

function matmulCase(options: MatmulCase): KernelCase {
  const { format, rows, cols, T = 1, bits = 14, accumulate = 0, fill = "random", outliers } = options;
  const layout: TensorLayout = { format, rows, cols };
  return {
    name: `matmul ${JSON.stringify(options)}`,
    tolerance: 0,
    prepare(memory) {
      fillWeights(memory, layout, rows + cols);
      fillFloats(memory, X, T * cols, T, fill);
      const stride = rows + 3;
      fillFloats(memory, OUT, T * stride, 7);
      const parts = blockParts(layout);
      const table = outliers && fillOutliers(memory, layout, outliers);
      return {
        run(kernels) {
          kernels.quantise(X, cols, T, ACT);
          const matmul = kernels[FORMAT_KERNELS[format].matmul];
          matmul(ACT, T, WEIGHT, parts.bytes, rows, cols, bits, OUT, stride, accumulate, SCRATCH);
          if (table) kernels.addOutliers(ACT, T, table, rows, cols, bits, OUT, stride, SCRATCH);
        },
        output: { address: OUT, bytes: ((T - 1) * stride + rows) * 4 },
      };
    },
  };
}

function quantiseCase(n: number, T: number, fill: Fill): KernelCase {
  return {
    name: `quantise n ${n} T ${T} ${fill}`,
    tolerance: 0,
    prepare(memory) {
      fillFloats(memory, X, T * n, n, fill);
      return {
        run: (kernels) => kernels.quantise(X, n, T, ACT),
        output: { address: ACT, bytes: T * activationBytes(n) },
      };
    },
  };
}

function normCase(n: number, T: number, fill: Fill): KernelCase {
  return {
    name: `rmsnormQuantise n ${n} T ${T} ${fill}`,
    tolerance: 0,
    prepare(memory) {
      fillFloats(memory, X, T * n, n, fill);
      fillFloats(memory, WEIGHT, n, n + 1);
      return {
        run: (kernels) => kernels.rmsnormQuantise(X, WEIGHT, n, T, 1e-5, ACT),
        output: { address: ACT, bytes: T * activationBytes(n) },
      };
    },
  };
}

function swigluCase(n: number, T: number): KernelCase {
  return {
    name: `swigluQuantise n ${n} T ${T}`,
    tolerance: 0,
    prepare(memory) {
      fillFloats(memory, X, T * 2 * n, n);
      new DataView(memory.buffer).setFloat32(X, -95, true);
      new DataView(memory.buffer).setFloat32(X + 4, 88, true);
      return {
        run: (kernels) => kernels.swigluQuantise(X, n, T, ACT),
        output: { address: ACT, bytes: T * activationBytes(n) },
      };
    },
  };
}

function biasCase(n: number, T: number): KernelCase {
  return {
    name: `addBias n ${n} T ${T}`,
    tolerance: 0,
    prepare(memory) {
      const stride = n + 5;
      fillFloats(memory, OUT, T * stride, n);
      fillFloats(memory, WEIGHT, n, 5);
      return {
        run: (kernels) => kernels.addBias(OUT, WEIGHT, n, T, stride),
        output: { address: OUT, bytes: T * stride * 4 },
      };
    },
  };
}

function normHeadsCase(heads: number, D: number, T: number, fill: Fill): KernelCase {
  return {
    name: `normHeads heads ${heads} D ${D} T ${T} ${fill}`,
    tolerance: 0,
    prepare(memory) {
      const stride = heads * D + 3;
      fillFloats(memory, OUT, T * stride, D, fill);
      fillFloats(memory, WEIGHT, D, 5);
      return {
        run: (kernels) => kernels.normHeads(OUT, WEIGHT, heads, D, T, stride, 1e-6),
        output: { address: OUT, bytes: T * stride * 4 },
      };
    },
  };
}

function ropeCase(heads: number, D: number, T: number): KernelCase {
  return {
    name: `rope heads ${heads} D ${D} T ${T}`,
    tolerance: 0,
    prepare(memory) {
      fillFloats(memory, X, T * heads * D, D);
      fillFloats(memory, WEIGHT, T * D, 5);
      return {
        run: (kernels) => kernels.rope(X, heads, D, T, heads * D, WEIGHT),
        output: { address: X, bytes: T * heads * D * 4 },
      };
    },
  };
}

function pageTable(memory: WebAssembly.Memory, G: number, D: number): void {
  const table = new DataView(memory.buffer);
  // Long timelines go round the same eight pages.
  for (let i = 0; i < 64; i++) table.setUint32(PAGES + i * 4, PAGE_DATA + (7 - (i % 8)) * pageBytes(G, D), true);
}

function kvCase(G: number, D: number, T: number, position: number): KernelCase {
  return {
    name: `kvAppend G ${G} D ${D} T ${T} position ${position}`,
    tolerance: 0,
    prepare(memory) {
      pageTable(memory, G, D);
      fillFloats(memory, X, T * 2 * G * D, G);
      return {
        run: (kernels) => kernels.kvAppend(X, X + G * D * 4, 2 * G * D, T, G, D, PAGES, 0, position),
        output: { address: PAGE_DATA, bytes: 8 * pageBytes(G, D) },
      };
    },
  };
}

/** The first T tokens of a page to rest, those from `blank` on being zero; or from there into another page. */
function restCase(kernel: "packPage" | "unpackPage", G: number, D: number, T: number, blank = 32): KernelCase {
  return {
    name: `${kernel} G ${G} D ${D} T ${T} blank ${blank}`,
    tolerance: 0,
    prepare(memory) {
      pageTable(memory, G, D);
      fillFloats(memory, X, 32 * 2 * G * D, G);
      new Uint8Array(memory.buffer, X + blank * 8 * G * D, (32 - blank) * 8 * G * D).fill(0);
      const page = PAGE_DATA + 7 * pageBytes(G, D);
      const other = page + 2 * pageBytes(G, D);
      const outputs = {
        packPage: { address: OUT, bytes: G * restBlockBytes(D) },
        unpackPage: { address: other, bytes: pageBytes(G, D) },
      };
      return {
        run(kernels) {
          kernels.kvAppend(X, X + G * D * 4, 2 * G * D, 32, G, D, PAGES, 0, 0);
          kernels.packPage(page, G, D, T, OUT, SCRATCH);
          if (kernel === "unpackPage") kernels.unpackPage(OUT, G, D, T, other, SCRATCH);
        },
        output: outputs[kernel],
      };
    },
  };
}

function attentionCase(H: number, G: number, D: number, T: number, position: number, queries?: Fill): KernelCase {
  return {
    name: `attention H ${H} G ${G} D ${D} T ${T} position ${position} ${queries ?? ""}`,
    tolerance: 0,
    prepare(memory) {
      pageTable(memory, G, D);
      const tokens = position + T;
      fillFloats(memory, WEIGHT, tokens * 2 * G * D, 3);
      fillFloats(memory, X, T * H * D, 4, queries);
      return {
        run(kernels) {
          kernels.kvAppend(WEIGHT, WEIGHT + G * D * 4, 2 * G * D, tokens, G, D, PAGES, 0, 0);
          kernels.attention(X, H * D, T, H, G, D, PAGES, 0, position, OUT, H * D, SCRATCH);
        },
        output: { address: OUT, bytes: T * H * D * 4 },
      };
    },
  };
}

/** Rows of any bytes from −127 on, behind 64 bytes that are not theirs. */
function scoreCase(heads: number, W: number, pages: number, fill?: Fill): KernelCase {
  return {
    name: `scoreRows heads ${heads} W ${W} pages ${pages} ${fill ?? ""}`,
    tolerance: 0,
    prepare(memory) {
      fillFloats(memory, X, heads * W, 4, fill);
      const view = new DataView(memory.buffer);
      const random = seeded(W);
      for (let page = 0; page < pages; page++) {
        const index = PAGE_DATA + page * (64 + indexBytes(W));
        view.setUint32(PAGES + 4 * (pages - 1 - page), index, true);
        for (let r = 0; r < PAGE_TOKENS; r++) {
          let sum = 0;
          for (let c = 0; c < W; c++) {
            const q = r === 0 ? 127 : Math.floor(random() * 255) - 127;
            view.setInt8(index + 64 + (c >> 2) * PAGE_TOKENS * 4 + r * 4 + (c & 3), q);
            sum += q;
          }
          view.setFloat32(index + 64 + PAGE_TOKENS * W + 4 * r, random() * 0.1, true);
          view.setInt32(index + 64 + PAGE_TOKENS * W + 4 * PAGE_TOKENS + 4 * r, 64 * sum, true);
        }
      }
      return {
        run: (kernels) => kernels.scoreRows(X, heads, W, PAGES, 64, pages, OUT, SCRATCH),
        output: { address: OUT, bytes: pages * PAGE_TOKENS * 4 },
      };
    },
  };
}

function chooseCase(n: number, reach: number, most: number, fill?: Fill): KernelCase {
  return {
    name: `chooseBest n ${n} reach ${reach} most ${most} ${fill ?? ""}`,
    tolerance: 0,
    prepare(memory) {
      fillFloats(memory, X, n + 4, n, fill);
      new Uint8Array(memory.buffer, OUT, 4 * (most + 1)).fill(0);
      const out = new DataView(memory.buffer, OUT);
      return {
        run: (kernels) => out.setInt32(4 * most, kernels.chooseBest(X, n, reach, most, OUT), true),
        output: { address: OUT, bytes: 4 * (most + 1) },
      };
    },
  };
}

function gatherKeysCase(D: number, count: number): KernelCase {
  return {
    name: `gatherKeys D ${D} count ${count}`,
    tolerance: 0,
    prepare(memory) {
      pageTable(memory, 2, D);
      fillFloats(memory, WEIGHT, 256 * 4 * D, 3);
      const positions = new Int32Array(memory.buffer, ACT, count);
      for (let i = 0; i < count; i++) positions[i] = (i * 37 + 5) % 256;
      const bytes = Math.ceil(count / 32) * headBlockBytes(D);
      new Uint8Array(memory.buffer, OUT, bytes).fill(1);
      return {
        run(kernels) {
          kernels.kvAppend(WEIGHT, WEIGHT + 2 * D * 4, 4 * D, 256, 2, D, PAGES, 0, 0);
          kernels.gatherKeys(ACT, count, D, PAGES, headBlockBytes(D), OUT);
        },
        output: { address: OUT, bytes },
      };
    },
  };
}

/** The results of `call` for n floats as f32, so that the last bits of a logarithm in f64 do not count. */
function logitsCase(
  name: string,
  tolerance: number,
  n: number,
  fill: Fill,
  call: (kernels: Kernels, i: number) => number,
): KernelCase {
  return {
    name: `${name} n ${n} ${fill}`,
    tolerance,
    prepare(memory) {
      fillFloats(memory, X, n, n, fill);
      const out = new DataView(memory.buffer, OUT);
      return {
        run(kernels) {
          for (let i = 0; i < 64; i++) out.setFloat32(i * 4, call(kernels, i), true);
        },
        output: { address: OUT, bytes: 256 },
      };
    },
  };
}

const gumbelCase = (n: number, fill: Fill, scale = 1, floor = -1e300): KernelCase =>
  logitsCase(`gumbelArgmax scale ${scale} floor ${floor}`, 0, n, fill, (kernels, i) =>
    kernels.gumbelArgmax(X, n, 0, scale, floor, i * 0x9e3779b9, i),
  );

/** Floats of tokens that are not their indices. */
function trimmedGumbelCase(n: number, scale = 1, floor = -1e300): KernelCase {
  const { name, prepare, ...rest } = logitsCase(`gumbelArgmax ids scale ${scale}`, 0, n, "random", (kernels, i) =>
    kernels.gumbelArgmax(X, n, WEIGHT, scale, floor, i * 0x9e3779b9, i),
  );
  return {
    name,
    ...rest,
    prepare(memory) {
      new Uint32Array(memory.buffer, WEIGHT, n).set(Array.from({ length: n }, (_, i) => 3 * i + (i % 5) + 2 ** 17));
      return prepare(memory);
    },
  };
}

/** Sums are bit for bit; their logarithms are rounded to f32. */
const logSumExpCase = (n: number, fill: Fill, scale = 1): KernelCase =>
  logitsCase(`logSumExp scale ${scale}`, 2 ** -23, n, fill, (kernels) => kernels.logSumExp(X, n, scale));

function gatherCase(n: number, cut: number, room: number): KernelCase {
  return {
    name: `gatherAbove n ${n} cut ${cut} room ${room}`,
    tolerance: 0,
    prepare(memory) {
      fillFloats(memory, X, n, n);
      fillFloats(memory, OUT, room + 1, 1);
      const out = new DataView(memory.buffer, OUT);
      return {
        run: (kernels) => out.setFloat32(room * 4, kernels.gatherAbove(X, n, cut, OUT, room), true),
        output: { address: OUT, bytes: (room + 1) * 4 },
      };
    },
  };
}

function embedCase(format: BlockFormat, row: number, cols: number): KernelCase {
  const layout: TensorLayout = { format, rows: 48, cols };
  return {
    name: `embed ${format} row ${row} cols ${cols}`,
    tolerance: 0,
    prepare(memory) {
      fillWeights(memory, layout, row);
      return {
        run: (kernels) => kernels[FORMAT_KERNELS[format].embed](WEIGHT, blockParts(layout).bytes, row, cols, OUT),
        output: { address: OUT, bytes: cols * 4 },
      };
    },
  };
}

/** Columns of the matrices of Qwen2.5-0.5B and 1.5B. */
const QWEN_COLUMNS = [896, 1536, 4864, 8960];

const ODD_ROWS = [1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 63];

export const KERNEL_CASES: readonly KernelCase[] = [
  ...BLOCK_FORMATS.flatMap((format) => [
    ...ODD_ROWS.map((rows) => matmulCase({ format, rows, cols: 64 })),
    ...[1, 2, 3, 4, 5, 7, 8, 9, 16, 17].map((T) => matmulCase({ format, rows: 20, cols: 192, T, accumulate: 1 })),
    ...([8, 14] as const).flatMap((bits) => [
      matmulCase({ format, rows: 192, cols: 576, bits }),
      matmulCase({ format, rows: 40, cols: 64, T: 6, bits, accumulate: 1 }),
      matmulCase({ format, rows: 64, cols: 1536, T: 5, bits, accumulate: 1, fill: "spike" }),
      matmulCase({ format, rows: 16, cols: 64, bits, accumulate: 1, fill: "zeros" }),
      matmulCase({ format, rows: 16, cols: 64, T: 4, bits, fill: "tiny" }),
      matmulCase({ format, rows: 16, cols: 64, T: 5, bits, fill: "top" }),
      matmulCase({ format, rows: 16, cols: 64, T: 5, bits, fill: "bottom" }),
    ]),
    ...[1, 3].map((n) => matmulCase({ format, rows: 33, cols: 192, T: 5, outliers: [n], accumulate: 1 })),
    matmulCase({ format, rows: 16, cols: 64, bits: 8, outliers: [5] }),
    ...[0, 7, 8, 15, 16, 47].map((row) => embedCase(format, row, 192)),
    ...QWEN_COLUMNS.map((cols) => matmulCase({ format, rows: 18, cols, T: 3 })),
    embedCase(format, 33, 896),
  ]),
  ...(["q4u", "q8"] as const).map((format) => matmulCase({ format, rows: 17, cols: 96, T: 5 })),
  // Some rows without any, some with many; none at all but in one row, the last; rows enough for several slices, and
  // more.
  ...([8, 14] as const).flatMap((bits) =>
    [
      [0, 0, 3, 1, 0, 40],
      [0, 7],
      [...new Array(130).fill(0), 192],
      [5, 1, 1, 1, 1, 0, 0, 0, 0, 2, 2],
    ].flatMap((outliers) =>
      [1, 6].map((T) => matmulCase({ format: "lut3", rows: 131, cols: 192, T, bits, outliers, accumulate: 1 })),
    ),
  ),
  ...(["spike", "tiny", "top"] as const).map((fill) =>
    matmulCase({ format: "lut4", rows: 70, cols: 64, outliers: [9, 0], fill }),
  ),
  ...[32, 64, 96, 160, 576, 1536].map((n) => quantiseCase(n, 3, "random")),
  ...(["zeros", "spike", "tiny"] as const).map((fill) => quantiseCase(64, 2, fill)),
  ...[32, 64, 576].map((n) => normCase(n, 3, "random")),
  ...(["zeros", "spike", "tiny"] as const).map((fill) => normCase(64, 2, fill)),
  swigluCase(32, 1),
  swigluCase(96, 3),
  biasCase(4, 1),
  biasCase(96, 3),
  biasCase(1152, 9),
  ...(["random", "zeros", "spike", "tiny"] as const).map((fill) => normHeadsCase(3, 32, 2, fill)),
  normHeadsCase(16, 128, 5, "random"),
  ropeCase(3, 32, 2),
  ropeCase(12, 64, 5),
  kvCase(2, 32, 1, 0),
  kvCase(3, 64, 40, 17),
  kvCase(1, 96, 3, 63),
  ...(["packPage", "unpackPage"] as const).flatMap((kernel) => [
    restCase(kernel, 2, 32, 32),
    restCase(kernel, 3, 64, 32, 30),
    restCase(kernel, 1, 96, 5),
    restCase(kernel, 1, 64, 0),
  ]),
  attentionCase(9, 3, 64, 1, 0),
  attentionCase(9, 3, 64, 1, 100),
  attentionCase(9, 3, 64, 4, 30),
  attentionCase(4, 2, 32, 33, 0),
  attentionCase(8, 2, 96, 2, 63),
  attentionCase(5, 5, 32, 1, 31),
  attentionCase(6, 2, 128, 1, 70),
  // Qwen2.5-0.5B and 1.5B.
  attentionCase(14, 2, 64, 3, 61),
  attentionCase(12, 2, 128, 3, 61),
  attentionCase(4, 1, 64, 1, 90, "spike"),
  // All weights alike, and so many that their sum bounds them.
  attentionCase(3, 1, 32, 2, 1200, "zeros"),
  scoreCase(3, 16, 5),
  scoreCase(1, 128, 3),
  scoreCase(7, 4, 1, "spike"),
  scoreCase(2, 64, 2, "zeros"),
  scoreCase(6, 256, 2, "top"),
  ...[1, 3, 4, 5, 31, 250].map((n) => chooseCase(n, Number.POSITIVE_INFINITY, Math.ceil(n / 5))),
  chooseCase(1000, 0.5, 400),
  chooseCase(1000, 0.5, 20),
  chooseCase(101, 1, 101),
  chooseCase(77, 1, 9, "zeros"),
  chooseCase(40, 2, 0),
  chooseCase(40, 0, 3, "spike"),
  gatherKeysCase(64, 100),
  gatherKeysCase(32, 32),
  gatherKeysCase(96, 1),
  ...[1, 2, 3, 4, 5, 7, 8, 31, 1023].flatMap((n) => [gumbelCase(n, "random"), logSumExpCase(n, "random")]),
  gatherCase(151_936, 1.9, 2000),
  ...[1, 2, 3, 4, 5, 7, 8, 31, 1023].map((n) => trimmedGumbelCase(n)),
  trimmedGumbelCase(1000, 0.1, -0.02),
  ...(["zeros", "spike", "tiny"] as const).flatMap((fill) => [gumbelCase(100, fill), logSumExpCase(100, fill)]),
  logSumExpCase(1000, "random", 1 / 0.7),
  logSumExpCase(1000, "random", 40),
  gatherCase(1, 0, 4),
  gatherCase(103, 1.2, 103),
  gatherCase(1000, 1, 20),
  gumbelCase(1000, "random", 1 / 0.7, -0.5),
  gumbelCase(1000, "random", 0.1, -0.02),
];
