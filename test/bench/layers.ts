/**
 * One layer in each weight format at one token: gate|up of SmolLM2-135M, 3,072 rows of 576 columns, with normally
 * distributed weights. Four copies take turns, so that weights come from the same level of memory as a model's. In
 * Node, at both widths of activations.
 */

import { type Matrix, multiplyMatrix } from "../../src/core/draft/matrix.ts";
import { matmulScratch } from "../../src/core/draft/memory-plan.ts";
import type { PackedTensor } from "../../src/core/format/pack.ts";
import { activationBytes, type Kernels } from "../../src/core/kernels/abi.ts";
import { CONSTANT_BYTES } from "../../src/core/kernels/constants.ts";
import { bindKernels, pickModule } from "../../src/core/kernels/wasm.ts";
import type { ActivationBits } from "../../src/core/model/formats/format.ts";
import type { BlockFormat } from "../../src/core/model/formats.ts";
import { blockParts, denseBytes } from "../../src/core/model/layouts.ts";
import { builtModules } from "../../src/core/platform/built.ts";
import { keptApart } from "../../src/tools/compress/methods/squeezellm.ts";
import { roundedTensor } from "../../src/tools/compress/rounding/tensors.ts";
import { keepApart } from "../../src/tools/compress/stages/keep-apart.ts";
import { normal, seeded } from "../support/random.ts";

const [ROWS, COLS, COPIES] = [3072, 576, 4] as const;
export const LAYER_WEIGHTS = ROWS * COLS;
/** Rows that are rounded; the other rows repeat them. */
const OWN_ROWS = 128;
/** A round goes over all layers so many times, for so many ms each, and keeps the best time of each. */
const TURNS = 8;
const TURN_MS = 10;

/** Share of a matrix that is kept apart as outliers: three of 576 columns. */
const OUTLYING = 3 / 576;

interface Variant {
  readonly format: BlockFormat;
  /** Share of the matrix. */
  readonly outlying?: number;
}

const VARIANTS = {
  q4u: { format: "q4u" },
  q8: { format: "q8" },
  lut4: { format: "lut4" },
  lut3: { format: "lut3" },
  q2had: { format: "q2had" },
  q3had: { format: "q3had" },
  q2add: { format: "q2add" },
  q3add: { format: "q3add" },
  "q4u, 0.52 % outliers": { format: "q4u", outlying: OUTLYING },
} as const satisfies Record<string, Variant>;

export type LayerName = keyof typeof VARIANTS;
/** ms of one multiplication, by width of the activation. */
export type LayerTimes = Readonly<Record<LayerName, Readonly<Record<ActivationBits, number>>>>;

export class Layers {
  readonly #kernels: Kernels;
  readonly #matrices: Readonly<Record<LayerName, readonly Matrix[]>>;
  readonly #act: number;
  readonly #out: number;
  readonly #scratch: number;

  private constructor(kernels: Kernels, memory: WebAssembly.Memory, layers: Record<LayerName, PackedTensor>) {
    this.#kernels = kernels;
    let end = CONSTANT_BYTES;
    const take = (bytes: number): number => {
      const at = end;
      end += Math.ceil(bytes / 64) * 64;
      memory.grow(Math.max(0, Math.ceil((end - memory.buffer.byteLength) / 65536)));
      return at;
    };
    this.#act = take(activationBytes(COLS));
    this.#out = take(4 * ROWS);
    this.#scratch = take(Math.max(...Object.values(layers).map(matmulScratch)));
    const x = take(4 * COLS);
    const random = seeded(1);
    new Float32Array(memory.buffer, x, COLS).forEach((_, k, all) => {
      all[k] = normal(random);
    });
    kernels.quantise(x, COLS, 1, this.#act);
    this.#matrices = Object.fromEntries(
      Object.entries(layers).map(([name, tensor]) => [
        name,
        Array.from({ length: COPIES }, () => place(take, memory, tensor)),
      ]),
    ) as unknown as Record<LayerName, Matrix[]>;
  }

  static async make(): Promise<Layers> {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const kernels = bindKernels(pickModule(await builtModules()), memory);
    const random = seeded(2);
    const values = Float32Array.from({ length: OWN_ROWS * COLS }, () => normal(random));
    const layers = Object.entries(VARIANTS).map(([name, { format, outlying }]: [string, Variant]) => [
      name,
      layerOf(values, format, outlying),
    ]);
    return new Layers(kernels, memory, Object.fromEntries(layers));
  }

  /** One round of all. */
  measure(): LayerTimes {
    const names = Object.keys(VARIANTS) as LayerName[];
    const best = Object.fromEntries(names.map((name) => [name, { 8: Infinity, 14: Infinity }]));
    for (let turn = 0; turn < TURNS; turn++) {
      for (const name of names) {
        for (const bits of [8, 14] as const) best[name]![bits] = Math.min(best[name]![bits], this.#time(name, bits));
      }
    }
    return best as unknown as LayerTimes;
  }

  #time(name: LayerName, bits: ActivationBits): number {
    const started = performance.now();
    let runs = 0;
    while (performance.now() - started < TURN_MS) {
      for (const matrix of this.#matrices[name]) {
        multiplyMatrix(this.#kernels, matrix, bits, this.#act, 1, this.#out, ROWS, 0, this.#scratch);
      }
      runs += COPIES;
    }
    return (performance.now() - started) / runs;
  }
}

function layerOf(values: Float32Array, format: BlockFormat, outlying = 0): PackedTensor {
  const rounded = roundedTensor({ format, rows: OWN_ROWS, cols: COLS }, values);
  return outlying === 0 ? rounded : keepApart(rounded, values, keptApart(values, values, 0, outlying));
}

function place(take: (bytes: number) => number, memory: WebAssembly.Memory, tensor: PackedTensor): Matrix {
  const repeat = (bytes: Uint8Array): { address: number; bytes: number } => {
    const all = (ROWS / OWN_ROWS) * bytes.length;
    const address = take(all);
    const target = new Uint8Array(memory.buffer, address, all);
    for (let at = 0; at < all; at += bytes.length) target.set(bytes, at);
    return { address, bytes: all };
  };
  const dense = denseBytes(tensor);
  return {
    address: repeat(tensor.bytes.subarray(0, dense)).address,
    format: tensor.format as BlockFormat,
    rows: ROWS,
    cols: COLS,
    blockBytes: blockParts(tensor).bytes,
    outliers: tensor.outliers && repeat(tensor.bytes.subarray(dense)),
  };
}
