/** The real model as a Hugging Face checkpoint in f32, which SGLang and vLLM serve; made at most once. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { exportHuggingFace } from "../../src/compress/export-hf.ts";
import { readPack } from "../../src/format/pack-reader.ts";
import { directorySink, openDirectory } from "../../src/platform/disk.ts";
import { HOME } from "./python.ts";

/** @param target the model's pack */
export async function realCheckpoint(target: string): Promise<string> {
  const directory = join(HOME, "smollm2-135m-instruct");
  // The tokenizer's configuration is written last.
  if (existsSync(join(directory, "tokenizer_config.json"))) return directory;
  mkdirSync(directory, { recursive: true });
  await exportHuggingFace(await readPack(openDirectory(target)), directorySink(directory), "F32");
  return directory;
}
