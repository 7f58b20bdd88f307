/**
 * What is enough to know of a tokenizer to tell, without it, that a text has far too many tokens: the length of the
 * longest token that holds each ASCII character. The bound is fewest-tokens.ts's, of ASCII only: a normaliser may merge
 * a character with the marks behind it, and leaves ASCII alone that ASCII follows.
 */
import { spelledBytes } from "./bpe.ts";
import type { TokenizerJson } from "./codec.ts";

const ASCII = 128;
/** Normalisers that drop no ASCII character which another one follows. */
const HARMLESS = new Set(["NFC", "NFD", "NFKC", "NFKD"]);

/**
 * By ASCII code the bytes of the longest token that holds it; 0 where none does. Null unless all text becomes tokens:
 * a tokenizer that is no byte-level BPE, that strips, or whose added tokens swallow the spaces beside them.
 * @param tokenizerJson text of a `tokenizer.json` that `openTokenizer` takes
 */
export function longestTokens(tokenizerJson: string): readonly number[] | null {
  const { decoder, model, normalizer, pre_tokenizer, added_tokens } = JSON.parse(tokenizerJson) as TokenizerJson;
  const isWhole =
    decoder?.type === "ByteLevel" &&
    stepsOf(normalizer).every(({ type }) => HARMLESS.has(type ?? "")) &&
    stepsOf(pre_tokenizer).every(({ behavior }) => behavior !== "Removed") &&
    !added_tokens.some(({ lstrip, rstrip }) => lstrip || rstrip);
  if (!isWhole) return null;
  const longest = new Array<number>(ASCII).fill(0);
  const count = (bytes: Uint8Array) => {
    for (const byte of bytes) if (byte < ASCII) longest[byte] = Math.max(longest[byte]!, bytes.length);
  };
  const added = new Set(added_tokens.map(({ content }) => content));
  for (const token of Object.keys(model.vocab as object)) if (!added.has(token)) count(spelledBytes(token));
  for (const token of added) count(new TextEncoder().encode(token));
  return longest;
}

interface Step {
  readonly type?: string;
  readonly behavior?: string;
  readonly normalizers?: readonly Step[];
  readonly pretokenizers?: readonly Step[];
}

function stepsOf(step: unknown): Step[] {
  if (step === null || step === undefined) return [];
  const { type, normalizers = [], pretokenizers = [] } = step as Step;
  return type === "Sequence" ? [...normalizers, ...pretokenizers].flatMap(stepsOf) : [step as Step];
}

/**
 * No more tokens than a text has whose tokenizer's `longestTokens` these are.
 * @param enough where there are so many, the rest of the text is not looked at
 */
export function fewestTokens(text: string, longest: readonly number[], enough = Infinity): number {
  let sum = 0;
  for (let at = 0; at < text.length && sum < enough; at++) {
    const code = text.charCodeAt(at);
    const isAlone = at + 1 === text.length || text.charCodeAt(at + 1) < ASCII;
    if (code < ASCII && isAlone && longest[code]! > 0) sum += 1 / longest[code]!;
  }
  return Math.floor(sum);
}
