/** A model in memory as the service's quantised Llama, loaded as it would be from its pack. */
import { type Llama, loadLlama } from "../../core/draft/llama.ts";
import { type PackedModel, writePack } from "../../core/format/pack.ts";
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { builtModules } from "../../core/platform/built.ts";
import { packable } from "../compress/rounding/packable.ts";

/** Has room for one cache of `tokens` tokens. */
export async function loadedLlama(model: PackedModel, tokens: number): Promise<Llama> {
  const files = new Map<string, Uint8Array>();
  const header = await writePack(packable(model), { write: async (name, bytes) => void files.set(name, bytes) });
  const shards = async function* (index: number) {
    yield files.get(header.shards[index]!.file)!;
  };
  return loadLlama(header, shards, await builtModules(), { pages: Math.ceil(tokens / PAGE_TOKENS), rows: 1 });
}
