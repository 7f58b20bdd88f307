/** The real model's GGUF file, fetched at most once. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Tokenizer } from "../../src/model/tokenizer.ts";
import { obtainModel } from "../../src/obtain/obtain.ts";
import { FileSource } from "../../src/platform/disk.ts";
import { PROMPTS } from "../cases/prompts.ts";
import { writeF32Gguf } from "./f32-gguf.ts";

const CACHE = path.resolve(import.meta.dirname, "../../.cache/models");

export async function realModelFile(): Promise<FileSource> {
  return FileSource.open((await obtainModel(CACHE)).path);
}

/** Path of the model's twin with its weights in f32, half a gigabyte, made at most once: what llama.cpp then computes is what the weights say. */
export async function realF32Gguf(): Promise<string> {
  const file = path.join(CACHE, "smollm2-135m-instruct.f32.gguf");
  mkdirSync(CACHE, { recursive: true });
  if (!existsSync(file)) await writeF32Gguf((await obtainModel(CACHE)).path, file);
  return file;
}

/** Token ids for the table of all engines: `chats`, the prompts of test/cases; `prompts`, two of them and one longer than a slice. */
export function realPrompts(target: string): { chats: number[][]; prompts: number[][] } {
  const tokenizer = new Tokenizer(readFileSync(path.join(target, "tokenizer.json"), "utf8"));
  const golden = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "../golden/wikitext.json"), "utf8"));
  const chats = PROMPTS.map((text) => [...tokenizer.encode(text)]);
  return { chats, prompts: [chats[0]!, chats[10]!, golden.windows[0].tokens.slice(0, 320)] };
}
