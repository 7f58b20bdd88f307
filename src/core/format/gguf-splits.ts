/**
 * How text is split before pairs are merged, by `tokenizer.ggml.pre`: GGUF files name the split and leave it to the
 * reader. The steps are those of the publishers' own tokenizer.json; test/format/gguf-splits.test.ts holds each to the
 * `tokenizers` package, and `npm run suite qwen` qwen2's to llama.cpp as well.
 */
export const BYTE_LEVEL = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };

interface Split {
  /** As in `tokenizer.json`. */
  readonly preTokenizer: object;
  /** Text is composed first (Unicode's NFC), as the publisher's tokenizer does; llama.cpp leaves that out. */
  readonly nfc: boolean;
  /** A piece that is a token is that token, whatever the merges make of it. */
  readonly ignoreMerges: boolean;
  /** A text begins with the bos token unless the file says otherwise. */
  readonly bos: boolean;
}

const isolate = (regex: string) => ({
  type: "Split",
  pattern: { Regex: regex },
  behavior: "Isolated",
  invert: false,
});
const sequence = (...pretokenizers: object[]) => ({ type: "Sequence", pretokenizers });
/** ByteLevel behind a split of one's own only spells bytes. */
const spell = { ...BYTE_LEVEL, use_regex: false };
const by = (...patterns: string[]) => sequence(...patterns.map(isolate), spell);

const split = (preTokenizer: object, more: Partial<Split> = {}): Split => ({
  preTokenizer,
  nfc: false,
  ignoreMerges: false,
  bos: false,
  ...more,
});

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
/** Llama 3's and Qwen2's differ in how many digits make a piece. */
const words = (digits: string) =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+` +
  `[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
/** GPT-4o's and Tekken's begin a piece at a capital letter. */
const cased = (end: string, digits: string) =>
  `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${end}|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${end}|${digits}` +
  "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const GPT2 = split(BYTE_LEVEL);
const DIGITS = split(sequence({ type: "Digits", individual_digits: true }, BYTE_LEVEL));
const LLAMA3 = split(by(words("\\p{N}{1,3}")), { ignoreMerges: true, bos: true });
const QWEN2 = split(by(words("\\p{N}")), { nfc: true });
const GPT4O = split(by(cased(`${CONTRACTIONS}?`, "\\p{N}{1,3}")));
const DEEPSEEK3 = split(
  by(
    "\\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|" +
      "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*" +
      "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  ),
);

export const SPLITS: Readonly<Record<string, Split>> = {
  "gpt-2": GPT2,
  smollm: DIGITS,
  starcoder: DIGITS,
  refact: DIGITS,
  "command-r": DIGITS,
  "llama-bpe": LLAMA3,
  "llama-v3": LLAMA3,
  llama3: LLAMA3,
  "smaug-bpe": split(by(words("\\p{N}{1,3}"))),
  qwen2: QWEN2,
  "deepseek-r1-qwen": split(by(words("\\p{N}"))),
  "deepseek-v3": DEEPSEEK3,
  "gpt-4o": GPT4O,
  tekken: split(by(cased("", "\\p{N}")), { ignoreMerges: true }),
};
