/** The real model's GGUF file, fetched at most once. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { FileSource } from "../../src/core/platform/disk.ts";
import { cacheFolder } from "../../src/core/platform/places.ts";
import { obtainModel } from "../../src/tools/obtain/obtain.ts";
import { readPair } from "../../src/tools/obtain/pair.ts";
import { PROMPTS } from "../cases/prompts.ts";
import { writeF32Gguf } from "./f32-gguf.ts";

const CACHE = path.join(cacheFolder(), "models");

/** The real pair: SmolLM2-135M-Instruct and its drafts. */
export const REAL_PAIR = readPair(path.resolve(import.meta.dirname, "../../models/smollm2-135m"));

/** Path of the real target's GGUF file. */
export const realGguf = async (): Promise<string> => (await obtainModel(REAL_PAIR.target, CACHE)).path;

export const realModelFile = async (): Promise<FileSource> => FileSource.open(await realGguf());

/**
 * Path of the model's twin with its weights in f32, half a gigabyte, made at most once: what llama.cpp then computes is
 * what the weights say.
 */
export async function realF32Gguf(): Promise<string> {
  const file = path.join(CACHE, "smollm2-135m-instruct.f32.gguf");
  mkdirSync(CACHE, { recursive: true });
  if (!existsSync(file)) await writeF32Gguf(await realGguf(), file);
  return file;
}

/**
 * Token ids for the table of all engines: `chats`, the prompts of test/cases; `prompts`, two of them and one longer
 * than a slice.
 */
export function realPrompts(target: string): { chats: number[][]; prompts: number[][] } {
  const tokenizer = new Tokenizer(readFileSync(path.join(target, "tokenizer.json"), "utf8"));
  const golden = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "../golden/wikitext.json"), "utf8"));
  const chats = PROMPTS.map((text) => [...tokenizer.encode(text)]);
  return { chats, prompts: [chats[0]!, chats[10]!, golden.windows[0].tokens.slice(0, 320)] };
}
