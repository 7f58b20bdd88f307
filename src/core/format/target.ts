/** What a pack, a GGUF file or a checkpoint says of itself as a target. */
import * as z from "zod";
import { OutriderError } from "../model/errors.ts";
import { type TokenizerFiles, tokenTable, vocabularyHash } from "../model/tokenizer-files.ts";
import { checkpointStopIds, eosSchema } from "./checkpoint-ends.ts";
import type { TargetDescription } from "./edge-model.ts";
import { readGgufMetadata } from "./gguf.ts";
import { ggufContext, ggufStopIds, ggufVocabulary } from "./gguf-facts.ts";
import { tokenizerFiles } from "./gguf-tokenizer.ts";
import { parseJson, readTokenizer } from "./import.ts";
import { targetOf } from "./pack-header.ts";
import { readPackHeader } from "./pack-reader.ts";
import { type ByteSource, type OpenFile, readText } from "./source.ts";

/** A target with the text of its tokenizer files. */
export interface DescribedTarget extends TargetDescription {
  readonly tokenizer: TokenizerFiles;
}

const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/** The target of a pack: the model itself, or for a draft's pack the model that it drafts for. */
export async function describePack(open: OpenFile): Promise<DescribedTarget> {
  const header = readPackHeader(await readText(await open("pack.json"), MAX_TEXT_BYTES));
  const { model, context, eosIds } = targetOf(header);
  return { model, vocabulary: header.vocabulary, context, stopIds: eosIds, tokenizer: await readTokenizer(open) };
}

/** The model of a GGUF file, of any architecture. Throws `unsupported_model` for a tokenizer that cannot be read. */
export async function describeGguf(source: ByteSource, model: string): Promise<DescribedTarget> {
  const metadata = await readGgufMetadata(source);
  const tokenizer = tokenizerFiles(source.name, metadata);
  const table = ggufVocabulary(source.name, metadata);
  const context = ggufContext(metadata);
  if (context === undefined) {
    throw new OutriderError(
      "bad_gguf",
      `${source.name}: metadata ${metadata.get("general.architecture")}.context_length is missing`,
    );
  }
  return {
    model,
    vocabulary: { size: table.length, hash: await vocabularyHash(table) },
    context,
    stopIds: ggufStopIds(metadata),
    tokenizer,
  };
}

const shapeSchema = z.object({ max_position_embeddings: z.int().min(2).optional(), eos_token_id: eosSchema });
/** Checkpoints that see or hear keep the numbers of their language model one level down. */
const configSchema = shapeSchema.extend({ text_config: shapeSchema.optional() });

/** The model of a Hugging Face folder, of any architecture. Its weights need not be there. */
export async function describeCheckpoint(open: OpenFile, model: string): Promise<DescribedTarget> {
  const config = configSchema.safeParse(await json(open, "config.json")).data;
  const context = config?.max_position_embeddings ?? config?.text_config?.max_position_embeddings;
  if (context === undefined) {
    throw new OutriderError(
      "invalid_config",
      "config.json: max_position_embeddings is missing: how long is a context?",
    );
  }
  const tokenizer = await readTokenizer(open);
  const parsed = parseJson("tokenizer.json", tokenizer["tokenizer.json"]);
  const table = tokenTable(parsed);
  return {
    model,
    vocabulary: { size: table.length, hash: await vocabularyHash(table) },
    context,
    stopIds: await checkpointStopIds(open, [config?.eos_token_id, config?.text_config?.eos_token_id], parsed),
    tokenizer,
  };
}

async function json(open: OpenFile, name: string): Promise<unknown> {
  const text = await readText(await open(name), MAX_TEXT_BYTES);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OutriderError("invalid_config", `${name} is not JSON`, { cause });
  }
}
