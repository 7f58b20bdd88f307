/** The tiny pair with tokens for fill-in-the-middle: its last four tokens get their texts, weights stay as they are. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tokenTable, vocabularyHash } from "../../src/core/model/tokenizer-files.ts";
import { TINY_PACKS } from "./tiny.ts";

/** The texts of the last tokens, in the order of their ids. */
const TEXTS = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_pad|>", "<|fim_middle|>"];
/** Their ids. */
export const FILL = { prefix: 508, suffix: 509, pad: 510, middle: 511 } as const;

/** Writes both packs under `home`. */
export async function writeFillPacks(home: string): Promise<{ target: string; draft: string }> {
  const packs = { target: join(home, "fill-target"), draft: join(home, "fill-draft") };
  for (const name of ["target", "draft"] as const) {
    cpSync(TINY_PACKS[name], packs[name], { recursive: true });
    const tokenizer = rewrite(join(packs[name], "tokenizer.json"), withFillTokens);
    const hash = await vocabularyHash(tokenTable(tokenizer));
    rewrite(join(packs[name], "pack.json"), (pack) => ({ ...pack, vocabulary: { ...pack.vocabulary, hash } }));
  }
  return packs;
}

// biome-ignore lint/suspicious/noExplicitAny: files of which each caller knows its own part
type Json = Record<string, any>;

function rewrite(file: string, change: (json: Json) => Json): Json {
  const changed = change(JSON.parse(readFileSync(file, "utf8")));
  writeFileSync(file, JSON.stringify(changed));
  return changed;
}

function withFillTokens(json: Json): Json {
  const { vocab, merges } = json.model;
  const own = Object.entries(vocab).filter(([, id]) => (id as number) < FILL.prefix);
  const added = TEXTS.map((content, n) => ({ id: FILL.prefix + n, content, special: false }));
  const model = { ...json.model, vocab: Object.fromEntries(own), merges: merges.slice(0, -TEXTS.length) };
  return { ...json, model, added_tokens: [...json.added_tokens, ...added] };
}
