/** Picks the WASM module this engine can run and binds it to a memory. What each kernel computes is in `abi.ts` and `plain.ts`. */
import { KERNEL_NAMES, type Kernels } from "./abi.ts";

/** The two builds of `wasm/`: same exports, same results bit for bit. */
export interface KernelModules {
  readonly relaxed: WebAssembly.Module;
  readonly simd: WebAssembly.Module;
}

/** (module (func (result v128) v128.const 0, v128.const 0, v128.const 0, i32x4.relaxed_dot_i8x16_i7x16_add_s)) */
// biome-ignore format: one line per section reads as the module does
const RELAXED_PROBE = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b,
  0x03, 0x02, 0x01, 0x00,
  0x0a, 0x3d, 0x01, 0x3b, 0x00,
  0xfd, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0xfd, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0xfd, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0xfd, 0x93, 0x02, 0x0b,
]);

/** True where the engine validates relaxed SIMD (V8 since 11.4). */
export const hasRelaxedSimd = (): boolean => WebAssembly.validate(RELAXED_PROBE);

export const pickModule = (modules: KernelModules): WebAssembly.Module =>
  hasRelaxedSimd() ? modules.relaxed : modules.simd;

/** Instantiates a module over `memory`. Throws a TypeError naming the kernel if the build and `abi.ts` disagree. */
export function bindKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  for (const name of KERNEL_NAMES) {
    if (typeof exports[name] !== "function") throw new TypeError(`the wasm build does not export ${name}`);
  }
  return exports as unknown as Kernels;
}
