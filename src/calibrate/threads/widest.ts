/**
 * Which build of calibration's kernels a machine gets. V8 can join neighbouring 128-bit operations into 256-bit ones, which
 * doubles matrix products where a CPU has AVX2, but only behind a flag for experiments. So it is asked to where both are
 * known to hold: in the V8 that the tests run on, and if products come out equal, bit for bit, and faster.
 */
import v8 from "node:v8";
import { builtModule } from "../../platform/built.ts";
import { bindCalibration } from "../passes/kernels.ts";

/** Releases of V8 whose joined operations the test suite has run on. */
const TRIED = /^13\.6\./;
const SIZE = 192;
/** Long enough for V8 to have optimised what it runs. */
const PROBE_MS = 80;

/** The faster module, 16 columns a tile or 8. Leaves V8's flag set: it optimises a module after a while, as it runs. */
export async function widestModule(): Promise<WebAssembly.Module> {
  const narrow = await builtModule("calibrate");
  if (!TRIED.test(process.versions.v8)) return narrow;
  v8.setFlagsFromString("--experimental-wasm-revectorize");
  const wide = await builtModule("calibrate16");
  const [slow, fast] = [probe(narrow), probe(wide)];
  const equal = fast.product.every((value, at) => Object.is(value, slow.product[at]));
  return equal && fast.ms < slow.ms ? wide : narrow;
}

/** A square product and the least time it took. */
function probe(module: WebAssembly.Module): { product: Float32Array; ms: number } {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true });
  const { gemm, gemmWorkBytes } = bindCalibration(module, memory);
  const [from, row] = [4096, 4 * SIZE];
  const to = from + SIZE * row;
  const work = to + SIZE * row;
  if (work + gemmWorkBytes() > memory.buffer.byteLength) throw new RangeError("the probe's memory is too small");
  const floats = new Float32Array(memory.buffer);
  for (let at = from / 4; at < to / 4; at++) floats[at] = Math.sin(at);
  let ms = Number.POSITIVE_INFINITY;
  for (const first = performance.now(); performance.now() - first < PROBE_MS; ) {
    const start = performance.now();
    gemm(SIZE, SIZE, SIZE, from, row, 4, from, row, 4, to, row, 0, work);
    ms = Math.min(ms, performance.now() - start);
  }
  return { product: floats.slice(to / 4, work / 4), ms };
}
