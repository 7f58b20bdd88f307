/** The modules that `npm run build:wasm` left on the disk, for Node. */
import { readFile } from "node:fs/promises";
import type { KernelModules } from "../kernels/wasm.ts";

/**
 * One module of build/, by its target in asconfig.json. Rejects with Node's error when it was not built. Compiled at once:
 * a compilation in the background keeps no process alive that waits for nothing else.
 */
export const builtModule = async (target: string): Promise<WebAssembly.Module> =>
  new WebAssembly.Module(await readFile(new URL(`../../build/outrider.${target}.wasm`, import.meta.url)));

export async function builtModules(): Promise<KernelModules> {
  const [dot32, dot16, simd] = await Promise.all([builtModule("dot32"), builtModule("dot16"), builtModule("simd")]);
  return { dot32, dot16, simd };
}
