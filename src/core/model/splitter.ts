/**
 * How text is cut into the pieces that are merged one by one: the normaliser and pre-tokeniser of `tokenizer.json`,
 * run by @huggingface/tokenizers. The pieces are text; bpe.ts takes their bytes.
 */
import { OutriderError } from "./errors.ts";
import { libraryOf, stepsIn } from "./library-steps.ts";
import { normalizerOf } from "./normalizer.ts";

const GPT2_SPLIT = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Cuts a text into pieces, one at a time: whoever has enough tokens stops asking. */
type Cut = (text: string, place?: Place) => Iterable<string>;

/** Which section of what is encoded a text is: a space may be put in front of the first. */
interface Place {
  readonly section_index: number;
}

/**
 * The library's normaliser and pre-tokeniser, without a vocabulary. Its ByteLevel step is left to bpe.ts, which takes
 * bytes.
 */
export function splitter(normalizer: unknown, preTokenizer: unknown): { normal(text: string): string; cut: Cut } {
  try {
    return { normal: normalizerOf(normalizer), cut: cutOf(portable(preTokenizer)) };
  } catch (cause) {
    throw unsupported(`normalizer or pre_tokenizer: ${(cause as Error).message}`);
  }
}

/**
 * What a pre-tokeniser does, a step after the other: the library would split the whole text before the first piece is
 * seen. Throws an Error for a step that is unknown, or that could make a text longer at each turn.
 */
export const cutOf = (preTokenizer: unknown): Cut =>
  inOrder(stepsIn(preTokenizer, "pretokenizers").map((step) => stepOf((step ?? {}) as CutStep)));

interface CutStep {
  readonly type?: string;
  readonly behavior?: unknown;
  readonly invert?: boolean;
  readonly replacement?: unknown;
  readonly str_rep?: unknown;
  readonly length?: unknown;
}

function stepOf(step: CutStep): Cut {
  const { type, behavior, invert, replacement, str_rep: shown, length } = step;
  const isLetter = (text: unknown) => text === undefined || [...String(text)].length === 1;
  if (type === "Replace" || (type === "Metaspace" && !(isLetter(replacement) && isLetter(shown)))) {
    throw new Error(`a step ${type} must not make a text longer`);
  }
  if (type === "FixedLength" && !(Number.isSafeInteger(length) && Number(length) > 0)) {
    throw new Error("FixedLength must have a length of 1 or more");
  }
  const own = type === undefined ? null : libraryOf({ normalizer: null, pre_tokenizer: step }).pre_tokenizer;
  const how = String(behavior).toLowerCase();
  if (type === "Split" && !invert && (how === "isolated" || how === "removed")) {
    const { pattern } = own as unknown as { pattern: RegExp | null };
    // The library would repeat what groups of the pattern match.
    if (pattern) return (text) => pieces(text, pattern, how === "isolated");
  }
  return (text, place) => own?.(text, place) ?? [text];
}

/** Each cuts what the one before has left. */
function inOrder(cuts: readonly Cut[]): Cut {
  const [first, ...rest] = cuts;
  if (!first) return (text) => [text];
  if (rest.length === 0) return first;
  const then = inOrder(rest);
  return function* (text, place) {
    for (const piece of first(text, place)) yield* then(piece, place);
  };
}

/** What is between the matches of a pattern, and where they are pieces themselves, they too. */
function* pieces(text: string, pattern: RegExp, isIsolated: boolean): Generator<string> {
  let from = 0;
  for (let at = 0; ; ) {
    // Other texts are matched in between.
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) break;
    const [{ length }] = match;
    if (match.index > from) yield text.slice(from, match.index);
    if (length > 0 && isIsolated) yield match[0];
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
