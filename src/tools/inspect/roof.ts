/**
 * The roofs of the roofline model: how fast this machine reads, and multiplies and adds, in WASM on one thread, each
 * measured alone (`wasm/roof.ts`). Williams, Waterman and Patterson 2009, with a second roof for data in cache as in
 * Ilic et al. 2014.
 */
import type { Arithmetic, Cost } from "./cost.ts";

export interface Roofs {
  /** Bytes a second over `workingSet` bytes, round and round. */
  readonly read: number;
  /** The bytes of weights, keys and values of one pass. */
  readonly workingSet: number;
  /** Bytes a second over 16 KiB: what the first cache gives. */
  readonly cached: number;
  /** Multiply-adds a second of int8 lanes. */
  readonly dotInt8: number;
  /** The same with pairs of products added in 16 bits. */
  readonly dotInt8Narrow: number;
  /** Multiply-adds a second of int16 lanes. */
  readonly dotInt16: number;
  /** Multiply-adds a second of f32, not fused. */
  readonly multiplyAdd: number;
}

/** The roof that limits a piece of work. */
export type Limit = "memory" | "cache" | "arithmetic";

/** The exports of `wasm/roof.ts`. */
interface RoofKernels {
  read(from: number, bytes: number): number;
  dotInt8(from: number, steps: number): number;
  dotInt8Narrow(from: number, steps: number): number;
  dotInt16(from: number, steps: number): number;
  multiplyAdd(from: number, steps: number): number;
}

const CACHED_BYTES = 16384;
/** At least one reading of the working set: a shorter span would measure the clock. */
const LEAST_BYTES = 4 * 2 ** 20;
const CHAINS = 12;
const STEPS = 100_000;
const REPEATS = 12;

/** Measures the roofs at each call and keeps the best of all measurements, because other load only ever lowers them. */
export class RoofMeter {
  readonly #kernels: RoofKernels;
  #best: Roofs;

  /** `module` is the build of `wasm/roof.ts`. Takes memory for `workingSet` bytes. */
  constructor(module: WebAssembly.Module, workingSet: number) {
    const bytes = Math.max(CACHED_BYTES, Math.ceil(workingSet / 128) * 128);
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) });
    // Pages that were never written would all be the kernel's one page of zeros.
    new Uint8Array(memory.buffer).fill(63);
    this.#kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as RoofKernels;
    this.#best = { read: 0, workingSet: bytes, cached: 0, dotInt8: 0, dotInt8Narrow: 0, dotInt16: 0, multiplyAdd: 0 };
    // V8 replaces its slow first code only between calls, so there are many short calls.
    for (let n = 0; n < 2000; n++) {
      this.#kernels.read(0, CACHED_BYTES);
      for (const kernel of ["dotInt8", "dotInt8Narrow", "dotInt16", "multiplyAdd"] as const)
        this.#kernels[kernel](0, STEPS / 100);
    }
  }

  /** Returns the best so far. Takes about a second for 100 MB. */
  measure(): Roofs {
    const kernels = this.#kernels;
    const { workingSet, ...rates } = this.#best;
    const passes = Math.ceil(LEAST_BYTES / workingSet);
    const measured = {
      read: rate(workingSet, passes, () => kernels.read(0, workingSet)),
      cached: rate(CACHED_BYTES, LEAST_BYTES / CACHED_BYTES, () => kernels.read(0, CACHED_BYTES)),
      dotInt8: rate(STEPS * CHAINS * 16, 1, () => kernels.dotInt8(0, STEPS)),
      dotInt8Narrow: rate(STEPS * CHAINS * 16, 1, () => kernels.dotInt8Narrow(0, STEPS)),
      dotInt16: rate(STEPS * CHAINS * 8, 1, () => kernels.dotInt16(0, STEPS)),
      multiplyAdd: rate(STEPS * CHAINS * 4, 1, () => kernels.multiplyAdd(0, STEPS)),
    };
    for (const [name, value] of Object.entries(measured)) {
      rates[name as keyof typeof rates] = Math.max(value, rates[name as keyof typeof rates]);
    }
    this.#best = { workingSet, ...rates };
    return this.#best;
  }
}

/** Units per second of the fastest of some repeats. */
function rate(units: number, calls: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let n = 0; n < REPEATS; n++) {
    const started = performance.now();
    for (let call = 0; call < calls; call++) run();
    best = Math.min(best, performance.now() - started);
  }
  return (1000 * units * calls) / best;
}

/** Multiply-adds per second that the best instructions for this arithmetic reach. */
export function peak(roofs: Roofs, arithmetic: Arithmetic): number {
  const peaks = {
    // Two int8 planes, as in the kernels, or one int16 lane: whichever is faster here.
    int8: Math.max(roofs.dotInt8, roofs.dotInt8Narrow),
    int14: Math.max(roofs.dotInt8 / 2, roofs.dotInt8Narrow / 2, roofs.dotInt16),
    int16: roofs.dotInt16,
    f32: roofs.multiplyAdd,
  };
  return peaks[arithmetic];
}

/** The least seconds that any implementation needs on this machine, and the roof that sets them. */
export function predict({ streamed, resident, macs }: Cost, roofs: Roofs): { seconds: number; limit: Limit } {
  const times: Record<Limit, number> = {
    memory: streamed / roofs.read,
    cache: resident / roofs.cached,
    arithmetic: (Object.keys(macs) as Arithmetic[]).reduce((sum, kind) => sum + macs[kind] / peak(roofs, kind), 0),
  };
  const limit = (Object.keys(times) as Limit[]).reduce((a, b) => (times[b] > times[a] ? b : a));
  return { seconds: times[limit], limit };
}
