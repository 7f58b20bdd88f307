/** The builds of the kernels as a Worker's bundler brings them: compiled, for workerd compiles no bytes at run time. */
import dot16 from "../../../dist/outrider.dot16.wasm";
import dot32 from "../../../dist/outrider.dot32.wasm";
import simd from "../../../dist/outrider.simd.wasm";
import type { KernelModules } from "../kernels/wasm.ts";

export const bundledModules: KernelModules = { dot32, dot16, simd };
