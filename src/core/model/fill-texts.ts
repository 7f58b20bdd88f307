/**
 * Tokens for fill-in-the-middle by their texts. Files rarely name them; llama.cpp and the publishers' own examples know
 * them by these texts as well.
 */
interface FillTexts {
  /** Stands before the text in front of the hole. */
  readonly prefix: string;
  /** Stands before the text behind the hole. */
  readonly suffix: string;
  /** Stands last: the model goes on with what belongs into the hole. */
  readonly middle: string;
}

/** A family of models a row. */
export const FILL_TEXTS: readonly FillTexts[] = [
  // Qwen2.5-Coder and later, CodeGemma.
  { prefix: "<|fim_prefix|>", suffix: "<|fim_suffix|>", middle: "<|fim_middle|>" },
  // StarCoder 1 and 2, Granite Code.
  { prefix: "<fim_prefix>", suffix: "<fim_suffix>", middle: "<fim_middle>" },
  // SantaCoder.
  { prefix: "<fim-prefix>", suffix: "<fim-suffix>", middle: "<fim-middle>" },
  // DeepSeek-Coder 1 and 2, DeepSeek-V3; the bars are U+FF5C, the low lines U+2581.
  { prefix: "<｜fim▁begin｜>", suffix: "<｜fim▁hole｜>", middle: "<｜fim▁end｜>" },
  // CodeLlama; the low line is SentencePiece's space, U+2581.
  { prefix: "▁<PRE>", suffix: "▁<SUF>", middle: "▁<MID>" },
  // GLM-4.5 and later.
  { prefix: "<|code_prefix|>", suffix: "<|code_suffix|>", middle: "<|code_middle|>" },
];

/** Tokens that tell a model which repository and which file a text is of, by their texts. */
interface FileTexts {
  /** Stands before the repository's name; null where the family has none. */
  readonly repository: string | null;
  /** Stands before a file's name. */
  readonly file: string;
}

/** A family of models a row. */
export const FILE_TEXTS: readonly FileTexts[] = [
  // Qwen2.5-Coder and later.
  { repository: "<|repo_name|>", file: "<|file_sep|>" },
  // StarCoder 2, Granite Code.
  { repository: "<repo_name>", file: "<file_sep>" },
  // CodeGemma.
  { repository: null, file: "<|file_separator|>" },
];

/** End a filling where the model knows them, beside the tokens that end every answer: padding, or another file. */
export const FILL_ENDS: readonly string[] = [
  ...["<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|file_separator|>"],
  ...["<fim_pad>", "<fim-pad>", "<repo_name>", "<reponame>", "<file_sep>", "<filename>"],
  ...["<|EOT|>", "▁<EOT>"],
];

const ALL: ReadonlySet<string> = new Set([
  ...FILL_TEXTS.flatMap(({ prefix, suffix, middle }) => [prefix, suffix, middle]),
  ...FILL_ENDS,
]);

/**
 * Whether an added token of this text commands the model. Qwen's tokenizer.json calls these tokens ordinary words; a
 * text could then open a hole of its own.
 */
export const isFillText = (text: string): boolean => ALL.has(text);
