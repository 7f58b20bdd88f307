/** A model in memory as a Llama of the service, over the kernels of one implementation. */
import type { KeyBudget } from "../../src/core/draft/key-policy.ts";
import { Llama } from "../../src/core/draft/llama.ts";
import { planMemory } from "../../src/core/draft/memory-plan.ts";
import type { PackedModel } from "../../src/core/format/pack.ts";
import type { PackHeader } from "../../src/core/format/pack-header.ts";
import { packable } from "../../src/tools/compress/rounding/packable.ts";
import { plainKernels } from "../kernels/plain/kernels.ts";
import { type Build, boundKernels } from "./kernels.ts";

/** Matrices in f32 are rounded to q8. For models without outliers. */
export function packedLlama(
  model: PackedModel,
  kernels: "plain" | Build,
  pages: number,
  rows: number,
  infinigen?: KeyBudget,
): Llama {
  const { tensors, tokenizer: _, ...facts } = packable(model);
  const header: PackHeader = {
    ...facts,
    version: 2,
    tensors: Object.fromEntries(
      [...tensors].map(([name, { bytes: _, ...layout }]) => [name, { ...layout, parts: [] }]),
    ),
    shards: [],
  };
  const plan = planMemory(header, pages, rows, infinigen);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(plan.bytes / 65536) });
  for (const [name, { bytes }] of tensors) new Uint8Array(memory.buffer).set(bytes, plan.tensors.get(name)!);
  const bound = kernels === "plain" ? plainKernels(memory) : boundKernels(kernels, memory);
  return new Llama(header, bound, memory, plan, rows, infinigen);
}
