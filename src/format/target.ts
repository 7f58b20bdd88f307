/**
 * What an edge knows of its target: `target.json` beside the two tokenizer files. No weight is among it, so any model
 * has one whose tokenizer and chat template can be read, whatever its architecture.
 */
import * as z from "zod";
import { OutriderError } from "../model/errors.ts";
import { type TokenizerFiles, tokenTable, vocabularyHash } from "../model/tokenizer-files.ts";
import { checkpointStopIds, eosSchema } from "./checkpoint-ends.ts";
import { readGgufMetadata } from "./gguf.ts";
import { ggufContext, ggufStopIds, ggufVocabulary } from "./gguf-facts.ts";
import { tokenizerFiles } from "./gguf-tokenizer.ts";
import { parseJson, readTokenizer } from "./import.ts";
import { targetOf } from "./pack-header.ts";
import { readPackHeader } from "./pack-reader.ts";
import { type ByteSource, type OpenFile, readText } from "./source.ts";

export interface TargetDescription {
  /** Model id, as clients and the wire name it. */
  readonly model: string;
  /** Size and hash of the token table; the origin must agree on the hash. */
  readonly vocabulary: { readonly size: number; readonly hash: string };
  /** Longest timeline in tokens. */
  readonly context: number;
  /** Token ids that end an answer. */
  readonly stopIds: readonly number[];
}

/** A target with the text of its tokenizer files. */
export interface DescribedTarget extends TargetDescription {
  readonly tokenizer: TokenizerFiles;
}

/** `target.json` among the edge's assets. */
export interface EdgeModel extends TargetDescription {
  /** Id of the draft model whose pack lies under draft/; null: this edge has no weights. */
  readonly draft: string | null;
  /** Tokens per target pass with that draft, as its card reports; absent where nobody has measured it. */
  readonly tokensPerPass?: number | undefined;
  /** `longestTokens` of its tokenizer; absent where that is null. */
  readonly longestTokens?: readonly number[] | undefined;
}

const count = z.int().nonnegative();

export const edgeModelSchema: z.ZodType<EdgeModel> = z.object({
  model: z.string().min(1),
  vocabulary: z.object({ size: count, hash: z.string() }),
  context: z.int().min(2),
  stopIds: z.array(count),
  draft: z.string().nullable(),
  tokensPerPass: z.number().min(1).optional(),
  longestTokens: z.array(count).optional(),
});

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
