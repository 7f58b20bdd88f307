/** The implementations of the kernels over fresh memories. */
import { readFileSync } from "node:fs";
import type { Kernels } from "../../src/core/kernels/abi.ts";
import { bindKernels, type KernelModules } from "../../src/core/kernels/wasm.ts";
import { plainKernels } from "../kernels/plain/kernels.ts";

export const BUILDS = ["simd", "dot16", "dot32"] as const;
export type Build = (typeof BUILDS)[number];

/** Compiling a build takes longer than most tests that use one. */
const compiled = new Map<Build, WebAssembly.Module>();

function compile(build: Build): WebAssembly.Module {
  let module = compiled.get(build);
  if (!module) {
    module = new WebAssembly.Module(readFileSync(new URL(`../../dist/outrider.${build}.wasm`, import.meta.url)));
    compiled.set(build, module);
  }
  return module;
}

/** All builds, as `npm run build:wasm` left them. */
export const kernelModules = (): KernelModules => ({
  dot32: compile("dot32"),
  dot16: compile("dot16"),
  simd: compile("simd"),
});

/** One build, whatever the machine would pick. */
export function onlyBuild(build: Build): KernelModules {
  const module = compile(build);
  return { dot32: module, dot16: module, simd: module };
}

/** One build over a memory. */
export const boundKernels = (build: Build, memory: WebAssembly.Memory): Kernels => bindKernels(compile(build), memory);

/** Kernels of one implementation over 8 MiB of their own. */
export function freshKernels(build: "plain" | Build): { kernels: Kernels; memory: WebAssembly.Memory } {
  const memory = new WebAssembly.Memory({ initial: 128 });
  return { memory, kernels: build === "plain" ? plainKernels(memory) : boundKernels(build, memory) };
}
