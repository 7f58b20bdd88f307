/** The three implementations of the kernels over fresh memories. */
import { readFileSync } from "node:fs";
import type { Kernels } from "../../src/kernels/abi.ts";
import { plainKernels } from "../../src/kernels/plain.ts";
import { bindKernels, type KernelModules } from "../../src/kernels/wasm.ts";

const compile = (build: string): WebAssembly.Module =>
  new WebAssembly.Module(readFileSync(new URL(`../../build/outrider.${build}.wasm`, import.meta.url)));

/** Both builds, as `npm run build:wasm` left them. */
export const kernelModules = (): KernelModules => ({ relaxed: compile("relaxed"), simd: compile("simd") });

export const BUILDS = ["simd", "relaxed"] as const;

/** Kernels of one implementation over 8 MiB of their own. */
export function freshKernels(build: "plain" | "simd" | "relaxed"): { kernels: Kernels; memory: WebAssembly.Memory } {
  const memory = new WebAssembly.Memory({ initial: 128 });
  return { memory, kernels: build === "plain" ? plainKernels(memory) : bindKernels(compile(build), memory) };
}
