/** The memory that all threads of a calibration share, handed out in pieces. Only the main thread allocates. */
import { OutriderError } from "../../../../core/model/errors.ts";
import { FIRST_FREE } from "../passes/kernels.ts";
import { align } from "../passes/lay-out.ts";

const PAGE = 65536;
const MOST_PAGES = 65536;
interface Piece {
  readonly at: number;
  readonly bytes: number;
}

export class SharedArena {
  readonly memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES, shared: true });
  readonly #used = new Map<number, number>();
  /** Ascending; neighbours are merged. */
  #free: Piece[] = [];
  #end = FIRST_FREE;

  /**
   * Address of the first gap that is large enough, else of new space at the end. Throws `out_of_memory` beyond the 4
   * GiB of a WASM memory.
   */
  allocate(bytes: number): number {
    const size = align(Math.max(bytes, 1));
    const gap = this.#free.findIndex((piece) => piece.bytes >= size);
    let at: number;
    if (gap >= 0) {
      const piece = this.#free[gap]!;
      at = piece.at;
      this.#free.splice(gap, 1, ...(piece.bytes > size ? [{ at: at + size, bytes: piece.bytes - size }] : []));
    } else {
      at = this.#end;
      this.#grow(at + size);
      this.#end = at + size;
    }
    this.#used.set(at, size);
    return at;
  }

  free(at: number): void {
    const bytes = this.#used.get(at)!;
    this.#used.delete(at);
    const sorted = [...this.#free, { at, bytes }].sort((a, b) => a.at - b.at);
    this.#free = [];
    for (const piece of sorted) {
      const last = this.#free.at(-1);
      if (last && last.at + last.bytes === piece.at)
        this.#free.splice(-1, 1, { at: last.at, bytes: last.bytes + piece.bytes });
      else this.#free.push(piece);
    }
  }

  /** Size of the memory, which never shrinks. */
  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  // A memory that grows gets a new buffer; views of an older one still see the same bytes.
  floats(at: number, length: number): Float32Array<SharedArrayBuffer> {
    return new Float32Array(this.#buffer, at, length);
  }

  doubles(at: number, length: number): Float64Array<SharedArrayBuffer> {
    return new Float64Array(this.#buffer, at, length);
  }

  bytesAt(at: number, length: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.#buffer, at, length);
  }

  integers(at: number, length: number): Int32Array<SharedArrayBuffer> {
    return new Int32Array(this.#buffer, at, length);
  }

  get #buffer(): SharedArrayBuffer {
    return this.memory.buffer as unknown as SharedArrayBuffer;
  }

  #grow(end: number): void {
    const pages = Math.ceil(end / PAGE);
    const missing = pages - this.bytes / PAGE;
    if (missing <= 0) return;
    const megabytes = (end / 2 ** 20).toFixed(0);
    const advice = "take fewer or shorter windows, or fewer threads";
    if (pages > MOST_PAGES) {
      throw new OutriderError(
        "out_of_memory",
        `calibration needs ${megabytes} MiB of 4096 in one WASM memory; ${advice}`,
      );
    }
    try {
      this.memory.grow(missing);
    } catch (cause) {
      throw new OutriderError("out_of_memory", `the machine gives no ${megabytes} MiB to calibration; ${advice}`, {
        cause,
      });
    }
  }
}
