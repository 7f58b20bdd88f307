/** A model in the service's engine, as its pack would be loaded. */

import { type Llama, loadLlama } from "../draft/llama.ts";
import { type PackedModel, writePack } from "../format/pack.ts";
import { PAGE_TOKENS } from "../kernels/abi.ts";
import { builtModules } from "../platform/built.ts";
import { packable } from "../rounding/packable.ts";

/** With room for one cache of `tokens`. */
export async function loadEngine(model: PackedModel, tokens: number): Promise<Llama> {
  const files = new Map<string, Uint8Array>();
  const header = await writePack(packable(model), { write: async (name, bytes) => void files.set(name, bytes) });
  const shards = async function* (index: number) {
    yield files.get(header.shards[index]!.file)!;
  };
  return loadLlama(header, shards, await builtModules(), { pages: Math.ceil(tokens / PAGE_TOKENS), rows: 1 });
}
