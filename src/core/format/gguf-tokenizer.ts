/**
 * Hugging Face tokenizer files made from a GGUF file's `tokenizer.ggml.*` metadata, so that a pack carries the same
 * files wherever its model came from. Byte-level BPE only (`tokenizer.ggml.model` "gpt2").
 */
import { OutriderError } from "../model/errors.ts";
import { FILL_FIELDS } from "../model/fill.ts";
import type { TokenizerFiles } from "../model/tokenizer-files.ts";
import type { Metadata } from "./gguf.ts";
import { ggufContext } from "./gguf-facts.ts";
import { BYTE_LEVEL, SPLITS } from "./gguf-splits.ts";

/** ggml's token types of tokens that are not made by merges. */
const CONTROL = 3;
const USER_DEFINED = 4;

/**
 * Throws `unsupported_tokenizer` for tokenizers other than byte-level BPE with a known split, `bad_gguf` for
 * inconsistent tables.
 */
export function tokenizerFiles(file: string, metadata: Metadata): TokenizerFiles {
  const kind = metadata.get("tokenizer.ggml.model");
  const pre = String(metadata.get("tokenizer.ggml.pre") ?? "");
  const split = Object.hasOwn(SPLITS, pre) ? SPLITS[pre] : undefined;
  if (kind !== "gpt2" || !split) {
    const known = Object.keys(SPLITS).join(", ");
    throw new OutriderError(
      "unsupported_tokenizer",
      `${file}: tokenizer ${JSON.stringify(kind)} with split ${JSON.stringify(pre)}; only byte-level BPE ("gpt2") ` +
        `with one of ${known} can be read from GGUF. Name the Hugging Face folder of the model instead: its ` +
        "tokenizer.json suffices",
    );
  }
  const tokens = strings(file, metadata, "tokenizer.ggml.tokens");
  const merges = strings(file, metadata, "tokenizer.ggml.merges");
  const types = metadata.get("tokenizer.ggml.token_type");
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  if (Object.keys(vocab).length !== tokens.length) {
    throw new OutriderError("bad_gguf", `${file}: tokenizer.ggml.tokens holds a token twice`);
  }
  const fill = fillIds(metadata);
  const fillers = new Set(Object.values(fill));
  const added = tokens.flatMap((content, id) => {
    const type = Array.isArray(types) ? types[id] : undefined;
    const special = type === CONTROL || fillers.has(id);
    if (!special && type !== USER_DEFINED) return [];
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
  const named = (name: string) => {
    const id = metadata.get(`tokenizer.ggml.${name}_token_id`);
    return typeof id === "number" ? tokens[id] : undefined;
  };
  const bos = (metadata.get("tokenizer.ggml.add_bos_token") ?? split.bos) ? named("bos") : undefined;
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: split.nfc ? { type: "NFC" } : null,
    pre_tokenizer: split.preTokenizer,
    post_processor: bos === undefined ? null : beginWith(bos, tokens.indexOf(bos)),
    decoder: { ...BYTE_LEVEL, add_prefix_space: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: split.ignoreMerges,
      vocab,
      merges,
    },
  };
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
    model_max_length: ggufContext(metadata),
    bos_token: named("bos"),
    eos_token: named("eos"),
    unk_token: named("unknown"),
    pad_token: named("padding"),
    ...Object.fromEntries(Object.entries(fill).map(([field, id]) => [field, tokens[id]])),
    chat_template: metadata.get("tokenizer.chat_template"),
  };
  return { "tokenizer.json": JSON.stringify(tokenizer), "tokenizer_config.json": JSON.stringify(config, null, 2) };
}

/** GGUF's keys of the tokens for fill-in-the-middle, today's spelling and the one before it. */
const FILL_KEYS: Readonly<Record<keyof typeof FILL_FIELDS, readonly string[]>> = {
  prefix: ["fim_pre", "prefix"],
  suffix: ["fim_suf", "suffix"],
  middle: ["fim_mid", "middle"],
  end: ["eot"],
};

/** Ids of the tokens for fill-in-the-middle that the file names, by their fields in `tokenizer_config.json`. */
function fillIds(metadata: Metadata): Record<string, number> {
  const parts = Object.keys(FILL_KEYS) as (keyof typeof FILL_KEYS)[];
  const ids = parts.flatMap((part) => {
    const id = FILL_KEYS[part].map((key) => metadata.get(`tokenizer.ggml.${key}_token_id`)).find(isId);
    return id === undefined ? [] : [[FILL_FIELDS[part], id] as const];
  });
  return Object.fromEntries(ids);
}

const isId = (value: unknown): value is number => typeof value === "number";

/** Hugging Face's way to say that a text begins with a token. */
const beginWith = (token: string, id: number) => ({
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [],
  special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
});

function strings(file: string, metadata: Metadata, key: string): string[] {
  const value = metadata.get(key);
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    throw new OutriderError("bad_gguf", `${file}: metadata ${key} is missing or not a list of strings`);
  }
  return value;
}
