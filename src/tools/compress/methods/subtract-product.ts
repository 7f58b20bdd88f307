/**
 * C −= A·B over parts of f64 matrices, by `wasm/solve.ts`: nearly all arithmetic of the layer solvers. Parts are
 * copied into the kernel's memory and back, which takes less time than the 32 multiply-adds for each number of C.
 */

/** A part of a matrix: element (i, j) is values[at + i · row + j · col]. */
export interface Part {
  readonly values: Float64Array;
  readonly at: number;
  readonly row: number;
  readonly col: number;
}

/** The exports of `wasm/solve.ts`. */
interface SolveKernels {
  subtractProduct(c: number, a: number, b: number, rows: number, cols: number, inner: number): void;
}

const PAGE = 65536;
/** Rows of C in the kernel's memory at once: few enough to stay in cache. */
const STRIP = 32;
/** Columns of the kernel's tile; columns past the end of a matrix are computed and discarded. */
const TILE_COLS = 6;

export class Products {
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #kernels: SolveKernels;

  /** `module` is the build of `wasm/solve.ts`. */
  constructor(module: WebAssembly.Module) {
    this.#kernels = new WebAssembly.Instance(module, { env: { memory: this.#memory } })
      .exports as unknown as SolveKernels;
  }

  /** C (rows, cols) −= A (rows, inner) · B (inner, cols); `col` of B and C is 1. */
  subtract(c: Part, a: Part, b: Part, rows: number, cols: number, inner: number): void {
    const wide = Math.ceil(cols / TILE_COLS) * TILE_COLS;
    const atC = inner * wide;
    const atA = (inner + STRIP) * wide;
    const memory = this.#room(atA + STRIP * inner);
    for (let n = 0; n < inner; n++) memory.set(line(b, n, cols), n * wide);
    for (let top = 0; top < rows; top += STRIP) {
      const count = Math.min(STRIP, rows - top);
      for (let i = 0; i < count; i++) {
        memory.set(line(c, top + i, cols), atC + i * wide);
        for (let n = 0, from = a.at + (top + i) * a.row; n < inner; n++) {
          memory[atA + i * inner + n] = a.values[from + n * a.col]!;
        }
      }
      this.#kernels.subtractProduct(8 * atC, 8 * atA, 0, Math.ceil(count / 4) * 4, wide, inner);
      for (let i = 0; i < count; i++) {
        const from = atC + i * wide;
        c.values.set(memory.subarray(from, from + cols), c.at + (top + i) * c.row);
      }
    }
  }

  /** The kernel's memory, of at least `count` numbers. */
  #room(count: number): Float64Array {
    const missing = 8 * count - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE));
    return new Float64Array(this.#memory.buffer);
  }
}

const line = ({ values, at, row }: Part, n: number, cols: number): Float64Array =>
  values.subarray(at + n * row, at + n * row + cols);
