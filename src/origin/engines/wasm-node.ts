/** The wasm engine on a pack of this machine. */
import { loadLlama } from "../../core/draft/llama.ts";
import { packBytes } from "../../core/format/pack-header.ts";
import { readText } from "../../core/format/source.ts";
import { PAGE_TOKENS, pageBytes } from "../../core/kernels/abi.ts";
import { totalKvHeads } from "../../core/model/config.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { builtModules } from "../../core/platform/built.ts";
import { directoryHeader, openDirectory, shardReader } from "../../core/platform/disk.ts";
import { KV_CONTEXTS, type TargetEngine } from "../engine.ts";
import { WASM_DRAFT, WasmEngine } from "./wasm.ts";

const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;

/** @param kvTokens of all sessions together; null takes four whole contexts, or as much of them as fits */
export async function loadWasm(directory: string, kvTokens: number | null): Promise<TargetEngine> {
  const header = await directoryHeader(directory);
  const { headSize, context } = header.config;
  // One WASM memory ends at 4 GiB. Keys and values may take what the weights leave of three.
  const most = Math.floor((3 * 2 ** 30 - packBytes(header)) / pageBytes(totalKvHeads(header.config), headSize));
  const wanted = Math.ceil((kvTokens ?? KV_CONTEXTS * context) / PAGE_TOKENS);
  if (kvTokens !== null && wanted > most) {
    throw new OutriderError(
      "bad_option",
      `--kv-tokens: at most ${most * PAGE_TOKENS} fit beside ${header.model}; give less`,
    );
  }
  const llama = await loadLlama(header, shardReader(directory, header), await builtModules(), {
    pages: Math.min(wanted, most),
    rows: WASM_DRAFT + 1,
  });
  const open = openDirectory(directory);
  return new WasmEngine(llama, WASM_DRAFT, async () => readText(await open("tokenizer.json"), MAX_TOKENIZER_BYTES));
}
