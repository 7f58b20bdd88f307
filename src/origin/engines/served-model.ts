/**
 * What a gateway must know of a model that another server runs. Edge and target can exchange token ids only if their
 * vocabularies are the same, and the servers' HTTP interfaces return neither vocabulary nor longest context.
 */
import { join } from "node:path";
import * as z from "zod";
import { modelIdSchema } from "../../core/format/pack-header.ts";
import { readText } from "../../core/format/source.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { modelId } from "../../core/model/model-id.ts";
import { openTokenizer } from "../../core/model/tokenizer.ts";
import { tokenTable, vocabularyHash } from "../../core/model/tokenizer-files.ts";
import { openDirectory } from "../../core/platform/disk.ts";
import type { TargetVocabulary } from "../engine.ts";

const MAX_BYTES = 64 * 1024 * 1024;

export interface ServedModel {
  readonly model: string;
  readonly vocabulary: TargetVocabulary;
  /** Tokens that the model was made for. */
  readonly context: number;
}

/** A pack has its own name for the model; the other files are those of every Hugging Face checkpoint. */
const packSchema = z.object({ model: modelIdSchema });
const configSchema = z.object({ max_position_embeddings: z.int().min(2) });

/**
 * Reads config.json and tokenizer.json of a pack, or of the Hugging Face checkpoint that the server runs. Throws
 * `not_found` or `bad_model` naming the file.
 */
export async function readServedModel(directory: string): Promise<ServedModel> {
  const open = openDirectory(directory);
  const read = async <T>(name: string, schema: z.ZodType<T>): Promise<T> => {
    try {
      return schema.parse(JSON.parse(await readText(await open(name), MAX_BYTES)));
    } catch (cause) {
      if (cause instanceof OutriderError) throw cause;
      throw new OutriderError("bad_model", `${join(directory, name)} is not what a model has`, { cause });
    }
  };
  const { max_position_embeddings: context } = await read("config.json", configSchema);
  const text = async () => readText(await open("tokenizer.json"), MAX_BYTES);
  const table = tokenTable(await read("tokenizer.json", z.unknown()));
  const pack = await read("pack.json", packSchema).catch((error: unknown) => {
    if (error instanceof OutriderError && error.code === "not_found") return { model: modelId(directory) };
    throw error;
  });
  const tokenizer = async () => openTokenizer(await text());
  const vocabulary = { size: table.length, hash: await vocabularyHash(table), tokenizer };
  return { model: pack.model, vocabulary, context };
}
