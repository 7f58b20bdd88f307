/** The real model as a Hugging Face checkpoint in f32, which SGLang and vLLM serve; made at most once. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { directorySink, openDirectory } from "../../src/core/platform/disk.ts";
import { exportHuggingFace } from "../../src/tools/compress/export-hf.ts";
import { HOME } from "./python.ts";

/** As publishers' checkpoints have it: servers take from it what a request does not say. */
const GENERATION = { do_sample: true, temperature: 0.7, top_k: 20, top_p: 0.8, repetition_penalty: 1.3 };

/** @param target the model's pack */
export async function realCheckpoint(target: string): Promise<string> {
  const directory = join(HOME, "smollm2-135m-instruct");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "generation_config.json"), JSON.stringify(GENERATION));
  // The tokenizer's configuration is written last.
  if (existsSync(join(directory, "tokenizer_config.json"))) return directory;
  await exportHuggingFace(await readPack(openDirectory(target)), directorySink(directory), "F32");
  return directory;
}
