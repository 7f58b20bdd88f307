/**
 * How text is cut into the pieces that are merged one by one: the normaliser and pre-tokeniser of `tokenizer.json`,
 * run by @huggingface/tokenizers. The pieces are text; bpe.ts takes their bytes.
 */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { OutriderError } from "./errors.ts";

const GPT2_SPLIT = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * The library's normaliser and pre-tokeniser, without a vocabulary. Its ByteLevel step is left to bpe.ts, which takes
 * bytes.
 */
export function splitter(normalizer: unknown, preTokenizer: unknown): (text: string) => string[] {
  let library: Library;
  try {
    library = new Library(
      {
        added_tokens: [],
        normalizer,
        pre_tokenizer: portable(preTokenizer),
        post_processor: null,
        decoder: null,
        model: { type: "BPE", vocab: {}, merges: [] },
      },
      {},
    );
  } catch (cause) {
    throw unsupported(`normalizer or pre_tokenizer: ${(cause as Error).message}`);
  }
  return (text) => {
    const normal = library.normalizer ? library.normalizer(text) : text;
    return library.pre_tokenizer ? library.pre_tokenizer(normal) : [normal];
  };
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
