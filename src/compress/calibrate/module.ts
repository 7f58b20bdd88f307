/**
 * Calibration's module as this machine runs it best. WebAssembly's vectors have 128 bits and x64's registers 256: asked to,
 * V8 makes one instruction of two neighbours, which it calls revectorising and experimental. So it is asked for this module
 * alone, and believed only if the wide kernel gives the bits of the narrow one, and sooner. A V8 without it says so and goes on.
 */
import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { bindCalibration, type CalibrationModule, FIRST_FREE } from "./kernels.ts";

/** The last two make V8 compile everything with its optimiser at once, not later, when the words no longer hold. */
const WIDER = ["--experimental-wasm-revectorize", "--no-liftoff", "--no-wasm-lazy-compilation"];
const USUAL = ["--no-experimental-wasm-revectorize", "--liftoff", "--wasm-lazy-compilation"];

/** Rejects with Node's error when the module was not built. */
export async function calibrationModule(): Promise<CalibrationModule> {
  const bytes = await readFile(new URL("../../../build/outrider.calibrate.wasm", import.meta.url));
  // Compiled in one go, for the words to hold until it is done and for nothing else.
  for (const flag of WIDER) setFlagsFromString(flag);
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(bytes);
  } finally {
    for (const flag of USUAL) setFlagsFromString(flag);
  }
  const wide = isWider(module);
  return { module: wide ? module : new WebAssembly.Module(Buffer.concat([bytes, EMPTY_SECTION])), wide };
}

/** A custom section named "p": without a difference V8 would give the module that it has already compiled. */
const EMPTY_SECTION = Uint8Array.from([0, 2, 1, 0x70]);

/** m, n and k of a product of some milliseconds, with parts of panels at its edges. */
const [M, N, K] = [101, 150, 300] as const;
const ROUNDS = 9;

function isWider(module: WebAssembly.Module): boolean {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
  const a = FIRST_FREE;
  const b = a + 4 * M * K;
  const c = b + 4 * N * K;
  const work = c + 4 * M * N;
  const values = new Float32Array(memory.buffer, a, (M + N) * K);
  for (let i = 0; i < values.length; i++) values[i] = Math.fround(Math.sin(i));
  const results = [false, true].map((wide) => {
    const { gemm } = bindCalibration({ module, wide }, memory);
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now();
      gemm(M, N, K, a, 4 * K, 4, b, 4 * K, 4, c, 4 * N, 0, work);
      best = Math.min(best, performance.now() - started);
    }
    return { best, bits: new Int32Array(memory.buffer, c, M * N).slice() };
  });
  const [narrow, wide] = results as [(typeof results)[0], (typeof results)[0]];
  return wide.best < narrow.best && wide.bits.every((bits, i) => bits === narrow.bits[i]);
}
