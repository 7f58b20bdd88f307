/** What runs a target beside the edge on this machine. */
import { existsSync } from "node:fs";
import path from "node:path";
import { readGguf } from "../../core/format/gguf.ts";
import { llamaConfig } from "../../core/format/gguf-llama.ts";
import { tokenizerFiles } from "../../core/format/gguf-tokenizer.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { Tokenizer } from "../../core/model/tokenizer.ts";
import { FileSource } from "../../core/platform/disk.ts";
import { obtainModel } from "../obtain/obtain.ts";
import type { EdgeModels } from "./models.ts";
import { usage } from "./options.ts";
import { importedPack, modelFiles, targetPack } from "./prepare.ts";

/** A target ready to be run: a pack by the embedded origin, or a GGUF file by llama.cpp. */
type Runnable =
  | { readonly engine: "wasm"; readonly pack: string }
  | { readonly engine: "llama"; readonly file: string };

/**
 * Largest file that the embedded origin is given unasked: WebAssembly's memory ends at 4 GB, and its keys and values
 * want room.
 */
const EMBEDDED_BYTES = 1e9;

/**
 * Makes the target runnable: fetches a known pair's, imports a file for the embedded origin.
 * @param asked the engine that was named; undefined takes wasm where it can run the target, else llama
 * Throws `bad_option` where that engine cannot run such a target, and what fetching and importing throw.
 */
export async function runnable(
  { target, from }: Pick<EdgeModels, "target" | "from">,
  asked: "wasm" | "llama" | undefined,
): Promise<Runnable> {
  if (typeof from !== "string") {
    const engine = asked ?? from.engine;
    if (engine === "wasm") return { engine, pack: await targetPack(from) };
    return { engine, file: (await obtainModel(from.target, modelFiles())).path };
  }
  if (!from.endsWith(".gguf")) return runnableFolder(from, asked);
  if (asked === "llama") return { engine: "llama", file: path.resolve(from) };
  const obstacle = await notImportable(from);
  if (obstacle === null) return { engine: "wasm", pack: await importedPack(from, target.model) };
  if (asked === undefined) return { engine: "llama", file: path.resolve(from) };
  throw usage(
    `the wasm engine cannot run this target (${obstacle}); use --engine llama, or --origin with a server of your own`,
  );
}

function runnableFolder(folder: string, asked: "wasm" | "llama" | undefined): Runnable {
  const isPack = existsSync(path.join(folder, "pack.json"));
  if (isPack && asked !== "llama") return { engine: "wasm", pack: folder };
  if (isPack)
    throw usage(`${folder} is a pack, and llama.cpp runs GGUF files; leave --engine away, or name a GGUF file`);
  throw usage(
    `${folder} is a Hugging Face folder, which no engine runs beside the edge; name a GGUF file of the model, or the ` +
      "origin of its server with --origin",
  );
}

/** Why the embedded origin cannot run a GGUF file, in words; null where it can. */
async function notImportable(file: string): Promise<string | null> {
  await using source = await FileSource.open(file);
  if (source.size > EMBEDDED_BYTES)
    return `it has ${(source.size / 1e9).toFixed(1)} GB, more than ${EMBEDDED_BYTES / 1e9} GB`;
  try {
    const gguf = await readGguf(source);
    await llamaConfig(gguf);
    new Tokenizer(tokenizerFiles(source.name, gguf.metadata)["tokenizer.json"]);
    return null;
  } catch (error) {
    if (error instanceof OutriderError) return error.message;
    throw error;
  }
}
