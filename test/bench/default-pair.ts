/** A pair in one Node process, on the project's own kernels: a target that verifies, and its draft. */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Llama } from "../../src/core/draft/llama.ts";
import { ChatTemplate } from "../../src/core/model/chat.ts";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { WasmEngine } from "../../src/origin/engines/wasm.ts";
import { prepare } from "../support/prepared.ts";
import { loadPack, packHeader } from "../support/tiny.ts";

export interface LoadedPair {
  readonly engine: WasmEngine;
  /** A row of logits of the target's last pass, a view that the next pass overwrites. */
  logits(row: number): Float32Array;
  readonly draft: Llama;
  readonly tokenizer: Tokenizer;
  /** Ids that end an answer. */
  readonly stop: ReadonlySet<number>;
  /** A question as the target reads it. */
  encode(question: string): number[];
}

/** The default pair, obtained if need be. */
export const defaultPair = async (pages: number, maxDraft: number): Promise<LoadedPair> =>
  loadedPair(await prepare(), pages, maxDraft);

/**
 * @param packs their folders
 * @param pages of 32 tokens, of each of the two
 * @param maxDraft most draft tokens of a pass, siblings included
 */
export async function loadedPair(
  packs: { readonly target: string; readonly draft: string },
  pages: number,
  maxDraft: number,
): Promise<LoadedPair> {
  const file = (name: string) => readFileSync(path.join(packs.target, name), "utf8");
  const tokenizer = new Tokenizer(file("tokenizer.json"));
  const target = await loadPack(packs.target, pages, maxDraft + 1);
  const V = target.header.config.vocabulary;
  const forward = target.forward.bind(target);
  let last: Float32Array = new Float32Array();
  // An engine tells what was decided, not by what.
  target.forward = (...args) => {
    const rows = forward(...args);
    last = rows;
    return rows;
  };
  return {
    engine: new WasmEngine(target, maxDraft),
    logits: (row) => last.subarray(row * V, (row + 1) * V),
    draft: await loadPack(packs.draft, pages, 1),
    tokenizer,
    stop: new Set(packHeader(packs.target).config.eosIds),
    encode: (question) =>
      new ChatTemplate(file("tokenizer_config.json"), tokenizer).encode([{ role: "user", content: question }]),
  };
}
