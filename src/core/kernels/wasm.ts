/**
 * Picks the WASM module this engine can run and binds it to a memory. What each kernel computes is in `abi.ts`.
 */
import { KERNEL_NAMES, type Kernels } from "./abi.ts";
import { writeConstants } from "./constants.ts";

/** The builds of `wasm/`: same exports, same results bit for bit. What they differ in is in wasm/lib/dot.ts. */
export interface KernelModules {
  readonly dot32: WebAssembly.Module;
  readonly dot16: WebAssembly.Module;
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

/**
 * Lane 1 of dot(all −128, bytes of −128 and −1) as bytes are multiplied by vpdpbusd (AVX-VNNI) and by sdot (ARM,
 * AVX-VNNI-INT8): operands that only they tell from others. Elsewhere the engine makes the dot of three and more
 * instructions, and the 16-bit form is faster.
 */
const ONE_INSTRUCTION = [-98048, 33024];

/** The build that is fastest on this machine. */
export function pickModule(modules: KernelModules): WebAssembly.Module {
  if (!hasRelaxedSimd()) return modules.simd;
  const { relaxedDot } = bindKernels(modules.dot32, new WebAssembly.Memory({ initial: 1 }));
  return ONE_INSTRUCTION.includes(relaxedDot()) ? modules.dot32 : modules.dot16;
}

/**
 * Instantiates a module over `memory` and writes its constants there. Throws a TypeError naming the kernel if the
 * build and `abi.ts` disagree.
 */
export function bindKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  for (const name of KERNEL_NAMES) {
    if (typeof exports[name] !== "function") throw new TypeError(`the wasm build does not export ${name}`);
  }
  writeConstants(memory);
  return exports as unknown as Kernels;
}
