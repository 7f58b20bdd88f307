/**
 * How text is cut into the pieces that are merged one by one: the normaliser and pre-tokeniser of `tokenizer.json`,
 * run by @huggingface/tokenizers. The pieces are text; bpe.ts takes their bytes.
 */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { OutriderError } from "./errors.ts";

const GPT2_SPLIT = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Cuts a text into pieces, one at a time: whoever has enough tokens stops asking. */
type Cut = (text: string) => Iterable<string>;

/**
 * The library's normaliser and pre-tokeniser, without a vocabulary. Its ByteLevel step is left to bpe.ts, which takes
 * bytes.
 */
export function splitter(normalizer: unknown, preTokenizer: unknown): { normal(text: string): string; cut: Cut } {
  try {
    const library = libraryOf({ normalizer, pre_tokenizer: null });
    return { normal: (text) => library.normalizer?.(text) ?? text, cut: cutOf(portable(preTokenizer)) };
  } catch (cause) {
    throw unsupported(`normalizer or pre_tokenizer: ${(cause as Error).message}`);
  }
}

const libraryOf = (parts: { normalizer: unknown; pre_tokenizer: unknown }): Library =>
  new Library(
    {
      added_tokens: [],
      ...parts,
      post_processor: null,
      decoder: null,
      model: { type: "BPE", vocab: {}, merges: [] },
    },
    {},
  );

/** A step of the pre-tokeniser. The library would split the whole text before the first piece is seen. */
function cutOf(step: unknown): Cut {
  const { type, pretokenizers, behavior, invert } = (step ?? {}) as {
    type?: string;
    pretokenizers?: unknown[];
    behavior?: unknown;
    invert?: boolean;
  };
  if (type === "Sequence") return inOrder((pretokenizers ?? []).map(cutOf));
  const own = libraryOf({ normalizer: null, pre_tokenizer: step }).pre_tokenizer;
  if (type === "Split" && behavior === "Isolated" && !invert) {
    const { pattern } = own as unknown as { pattern: RegExp | null };
    if (pattern) return (text) => isolated(text, pattern);
  }
  return (text) => own?.(text) ?? [text];
}

/** Each cuts what the one before has left. */
function inOrder(cuts: readonly Cut[]): Cut {
  const [first, ...rest] = cuts;
  if (!first) return (text) => [text];
  if (rest.length === 0) return first;
  const then = inOrder(rest);
  return function* (text) {
    for (const piece of first(text)) yield* then(piece);
  };
}

/** What the pattern matches, and what is between. */
function* isolated(text: string, pattern: RegExp): Generator<string> {
  let from = 0;
  for (let at = 0; ; ) {
    // Other texts are matched in between.
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) break;
    const [{ length }] = match;
    if (match.index > from) yield text.slice(from, match.index);
    if (length > 0) yield match[0];
    from = match.index + length;
    at = length > 0 ? from : from + ((text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1);
  }
  if (from < text.length) yield text.slice(from);
}

/**
 * The same splits in terms that mean in JavaScript what they mean in the Rust library. @huggingface/tokenizers 0.2.0
 * writes Digits as /\d/, which knows ASCII digits only, and ByteLevel's pattern with a \s that takes U+FEFF for a space
 * and U+0085 for none; its Split translates patterns rightly. The golden strings say when this can go.
 */
function portable(preTokenizer: unknown): unknown {
  const step = preTokenizer as {
    type?: string;
    pretokenizers?: unknown[];
    individual_digits?: boolean;
    use_regex?: boolean;
    add_prefix_space?: boolean;
  };
  const isolate = (pattern: string) => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Isolated",
    invert: false,
  });
  switch (step?.type) {
    case "Sequence":
      return { ...step, pretokenizers: step.pretokenizers?.map(portable) };
    case "Digits":
      return isolate(step.individual_digits ? "\\p{N}" : "\\p{N}+");
    case "ByteLevel":
      if (step.add_prefix_space) throw new Error("add_prefix_space must be false");
      return step.use_regex === false ? { type: "Sequence", pretokenizers: [] } : isolate(GPT2_SPLIT);
    default:
      return preTokenizer;
  }
}

/** What to throw when `tokenizer.json` asks for something that is not built here. */
export const unsupported = (what: string) =>
  new OutriderError(
    "unsupported_tokenizer",
    `tokenizer.json: ${what}; byte-level BPE can be used, and on an edge without a draft model ` +
      "SentencePiece's BPE and Unigram",
  );
