/**
 * Which build of the calibration kernels this machine runs. V8 can join two neighbouring 128-bit operations into one of
 * 256 bits, which doubles the speed of matrix products on a CPU with AVX2. V8 does so only behind an experimental flag,
 * so the wide build is used only where that is known to be right: in a V8 that the test suite has run on, and when a
 * probe finds its products equal to the narrow build's, bit for bit, and faster.
 */
import v8 from "node:v8";
import { builtModule } from "../../../../core/platform/built.ts";
import { bindCalibration, rowsAt } from "../passes/kernels.ts";

/** Releases of V8 whose joined operations the test suite has run on. */
const TRIED = /^13\.6\./;
const SIZE = 192;
/** Long enough for V8 to have optimised what it runs. */
const PROBE_MS = 80;

let chosen: Promise<WebAssembly.Module> | undefined;

/**
 * The faster module: tiles of 16 columns, or of 8; measured once a process. Where the narrow build runs, stderr says
 * why.
 */
export function widestModule(): Promise<WebAssembly.Module> {
  chosen ??= measured();
  return chosen;
}

/**
 * The experimental flag is the whole process's and stays set: V8 optimises a module only after it has run for a while.
 */
async function measured(): Promise<WebAssembly.Module> {
  const narrow = await builtModule("calibrate");
  const { v8: version } = process.versions;
  if (!TRIED.test(version)) {
    return report(narrow, `the 256-bit kernel is only tested on V8 13.6 (Node 24), and this is V8 ${version}`);
  }
  v8.setFlagsFromString("--experimental-wasm-revectorize");
  const wide = await builtModule("calibrate16");
  const slow = probe(narrow);
  const fast = probe(wide);
  const equal = fast.product.every((value, at) => Object.is(value, slow.product[at]));
  if (!equal) return report(narrow, "the 256-bit kernel gives other bits on this machine");
  return fast.ms < slow.ms ? wide : report(narrow, "the 256-bit kernel is not faster on this CPU");
}

function report(narrow: WebAssembly.Module, why: string): WebAssembly.Module {
  console.error(`calibration runs its 128-bit kernel: ${why}`);
  return narrow;
}

/** A square product and the least time it took. */
function probe(module: WebAssembly.Module): { product: Float32Array; ms: number } {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true });
  const { gemm, gemmWorkBytes } = bindCalibration(module, memory);
  const from = 4096;
  const row = 4 * SIZE;
  const to = from + SIZE * row;
  const work = to + SIZE * row;
  if (work + gemmWorkBytes() > memory.buffer.byteLength) throw new RangeError("the probe's memory is too small");
  const floats = new Float32Array(memory.buffer);
  for (let at = from / 4; at < to / 4; at++) floats[at] = Math.sin(at);
  let ms = Number.POSITIVE_INFINITY;
  for (const first = performance.now(); performance.now() - first < PROBE_MS; ) {
    const start = performance.now();
    gemm(SIZE, SIZE, SIZE, rowsAt(from, row), rowsAt(from, row), rowsAt(to, row), work);
    ms = Math.min(ms, performance.now() - start);
  }
  return { product: floats.slice(to / 4, work / 4), ms };
}
