/** What is known of a model before its weights are read. */
import { existsSync } from "node:fs";
import path from "node:path";
import { readGguf } from "../../core/format/gguf.ts";
import { llamaConfig } from "../../core/format/gguf-llama.ts";
import { readText } from "../../core/format/source.ts";
import type { LlamaConfig } from "../../core/model/config.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { configFromHuggingFace } from "../../core/model/huggingface-config.ts";
import { piecesOf } from "../../core/model/pieces.ts";
import type { TokenizerFiles } from "../../core/model/tokenizer-files.ts";
import { directoryHeader, FileSource, openDirectory } from "../../core/platform/disk.ts";
import type { Base } from "./shape.ts";
import { isStoredTwice } from "./tied.ts";

const MAX_CONFIG_BYTES = 1 << 20;

/** The config of a pack, a GGUF file or a Hugging Face folder. Throws `unsupported_model` naming what it is. */
export async function configOf(file: string): Promise<LlamaConfig> {
  if (file.endsWith(".gguf")) {
    await using source = await FileSource.open(file);
    const gguf = await readGguf(source);
    const config = await llamaConfig(gguf);
    return { ...config, tied: config.tied || (await isStoredTwice(gguf, config)) };
  }
  if (existsSync(path.join(file, "pack.json"))) {
    const { config, kept, target, model } = await directoryHeader(file);
    if (kept === undefined) return config;
    throw new OutriderError(
      "bad_model",
      `${file}: ${model} has rows for some tokens only (it drafts for ${target?.model}); name a model with all of them`,
    );
  }
  const json = JSON.parse(await readText(await openDirectory(file)("config.json"), MAX_CONFIG_BYTES));
  return configFromHuggingFace(json);
}

/** The licence that a model names, if it does. */
export async function licenceOf(file: string): Promise<string | undefined> {
  if (!file.endsWith(".gguf")) return undefined;
  await using source = await FileSource.open(file);
  const named = (await readGguf(source)).metadata.get("general.license");
  return typeof named === "string" ? named : undefined;
}

/** A model that a draft for a target with these tokenizer files can be cut from. */
export function baseOf(config: LlamaConfig, tokenizer: TokenizerFiles, stopIds: readonly number[]): Base {
  const { lasts, indivisible } = piecesOf(JSON.parse(tokenizer["tokenizer.json"]));
  const always = new Set([...indivisible, config.bosId, ...config.eosIds, ...stopIds]);
  return { config, tokens: lasts.length, always: always.size };
}
