/** The WASM modules that build.js left on the disk, for Node. */
import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { hasRelaxedSimd, type KernelModules } from "../kernels/wasm.ts";

// Node 20 has relaxed SIMD behind a flag, Node 22 without.
if (!hasRelaxedSimd()) setFlagsFromString("--experimental-wasm-relaxed-simd");

/**
 * One module of dist/, by its target in asconfig.json. Rejects with Node's error when it was not built. Compiled at
 * once: a compilation in the background keeps no process alive that waits for nothing else.
 */
export const builtModule = async (target: string): Promise<WebAssembly.Module> =>
  new WebAssembly.Module(await readFile(new URL(`../../../dist/outrider.${target}.wasm`, import.meta.url)));

export async function builtModules(): Promise<KernelModules> {
  const [dot32, dot16, simd] = await Promise.all([builtModule("dot32"), builtModule("dot16"), builtModule("simd")]);
  return { dot32, dot16, simd };
}
