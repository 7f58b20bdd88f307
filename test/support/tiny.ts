/** The tiny target and its draft, loaded from models/tiny into fresh memories. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Llama, loadLlama } from "../../src/core/draft/llama.ts";
import type { PackHeader } from "../../src/core/format/pack-header.ts";
import { readPackHeader } from "../../src/core/format/pack-reader.ts";
import type { KernelModules } from "../../src/core/kernels/wasm.ts";
import { shardReader } from "../../src/core/platform/disk.ts";
import { kernelModules } from "./kernels.ts";

export const TINY_PACKS = {
  target: fileURLToPath(new URL("../../models/tiny/pack", import.meta.url)),
  draft: fileURLToPath(new URL("../../models/tiny/draft-pack", import.meta.url)),
};

export const packHeader = (directory: string): PackHeader =>
  readPackHeader(readFileSync(`${directory}/pack.json`, "utf8"));

/** A pack on disk as a Llama with `pages` KV pages and up to `rows` rows of logits. */
export async function loadPack(
  directory: string,
  pages: number,
  rows: number,
  modules: KernelModules = kernelModules(),
): Promise<Llama> {
  const header = packHeader(directory);
  return loadLlama(header, shardReader(directory, header), modules, { pages, rows });
}
