/**
 * What a GGUF file's metadata says about its model, whatever the architecture: shape, tokens, context, and the ids that
 * end an answer. No weight is looked at, so files whose tensors cannot be read here have facts all the same.
 */
import { endingIds } from "../model/endings.ts";
import { OutriderError } from "../model/errors.ts";
import type { Metadata } from "./gguf.ts";

/** Sizes by the names of `LlamaConfig`; undefined where the file does not tell them. */
interface GgufShape {
  readonly layers: number | undefined;
  readonly heads: number | undefined;
  readonly kvHeads: number | undefined;
  readonly embedding: number | undefined;
  readonly feedForward: number | undefined;
}

/** A number under the architecture's own prefix, such as `qwen2.block_count`. */
function ofArchitecture(metadata: Metadata, key: string): number | undefined {
  const value = metadata.get(`${metadata.get("general.architecture")}.${key}`);
  return typeof value === "number" ? value : undefined;
}

export function ggufShape(metadata: Metadata): GgufShape {
  const heads = ofArchitecture(metadata, "attention.head_count");
  return {
    layers: ofArchitecture(metadata, "block_count"),
    heads,
    kvHeads: ofArchitecture(metadata, "attention.head_count_kv") ?? heads,
    embedding: ofArchitecture(metadata, "embedding_length"),
    feedForward: ofArchitecture(metadata, "feed_forward_length"),
  };
}

/** Longest timeline that the model was trained for, in tokens; undefined where the file does not tell. */
export const ggufContext = (metadata: Metadata): number | undefined => ofArchitecture(metadata, "context_length");

/** The tokens by id. Throws `unsupported_model` for a file without any. `name` is the file's, for the error. */
export function ggufVocabulary(name: string, metadata: Metadata): readonly string[] {
  const tokens = metadata.get("tokenizer.ggml.tokens");
  if (Array.isArray(tokens) && tokens.every((token) => typeof token === "string")) return tokens;
  throw new OutriderError("unsupported_model", `${name} holds no list of tokens`);
}

/** ggml's token type of tokens that command the model and have no text. */
const CONTROL = 3;

/** Ids that end an answer: those that the file names, and control tokens that are known to. */
export function ggufStopIds(metadata: Metadata): readonly number[] {
  const ids = ["eos", "eot", "eom"]
    .map((name) => metadata.get(`tokenizer.ggml.${name}_token_id`))
    .filter((id): id is number => typeof id === "number");
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const types = metadata.get("tokenizer.ggml.token_type");
  if (!Array.isArray(tokens) || !Array.isArray(types)) return [...new Set(ids)];
  const special = tokens.flatMap((text, id) => (types[id] === CONTROL ? [[id, String(text)] as const] : []));
  return [...new Set([...ids, ...endingIds(special)])];
}
