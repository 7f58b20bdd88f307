/**
 * Fill-in-the-middle: the text before a hole and the text behind it become one prompt, which the model goes on with
 * what belongs between (Bavarian et al. 2022, arXiv 2207.14255, §3, PSM: prefix, suffix, middle). The tokens that say
 * so are those that the tokenizer's files name, as CodeLlama's do, or those that a family of models is known to have.
 */
import { tokenizerConfig } from "./chat.ts";
import { OutriderError } from "./errors.ts";
import { FILE_TEXTS, FILL_ENDS, FILL_TEXTS } from "./fill-texts.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Token ids of a model that can fill in. */
interface FillTokens {
  /** Stands before the text in front of the hole. */
  readonly prefix: number;
  /** Stands before the text behind the hole. */
  readonly suffix: number;
  /** Stands last. */
  readonly middle: number;
  /** End a filling, beside the tokens that end every answer. */
  readonly ends: readonly number[];
}

/** Another file that the model is shown before the one with the hole. */
export interface ContextFile {
  readonly name: string;
  readonly text: string;
}

/** What is asked for: the text between `before` and `after`. */
export interface Hole {
  readonly before: string;
  readonly after: string;
  /** Shown before all of it, in this order. */
  readonly files?: readonly ContextFile[] | undefined;
  /** False: all of `before` stands before the hole, the line at the cursor included. True unless given. */
  readonly lineBehind?: boolean | undefined;
}

/** Separates files for a model that has no token for it. */
const SNIPPET = "\n\n--- snippet ---\n\n";
/** What the model is told that repository and file are called, where nobody says. */
const REPOSITORY = "repository";
const OPEN_FILE = "open file";

/** The fields of `tokenizer_config.json` by which CodeLlama's names its tokens; import writes GGUF's keys to them. */
export const FILL_FIELDS = {
  prefix: "prefix_token",
  suffix: "suffix_token",
  middle: "middle_token",
  end: "eot_token",
} as const;

export class FillTemplate {
  readonly tokens: FillTokens;
  readonly #tokenizer: Tokenizer;

  /**
   * Takes the text of `tokenizer_config.json`. Throws `no_fill_in_the_middle` if the tokenizer names no tokens for it.
   */
  constructor(tokenizerConfigJson: string, tokenizer: Tokenizer) {
    const tokens = fillTokens(tokenizerConfig(tokenizerConfigJson), tokenizer);
    if (!tokens) {
      throw new OutriderError(
        "no_fill_in_the_middle",
        "this model's tokenizer has no tokens for fill-in-the-middle; leave out suffix, or ask a model that was " +
          "taught to fill in, such as Qwen2.5-Coder",
      );
    }
    this.tokens = tokens;
    this.#tokenizer = tokenizer;
  }

  /**
   * Ids of a prompt that asks for what is in a hole. Special tokens in any of its texts are text like any other. Throws
   * `too_many_tokens` where one of them alone has more than `most`.
   *
   * The line at the cursor goes behind the middle token, as if the model had begun to fill in with it. So a further
   * character changes the last tokens of the prompt alone, and what was read of the file stays read.
   */
  encode({ before, after, files = [], lineBehind = true }: Hole, most = Infinity): number[] {
    const { prefix, suffix, middle } = this.tokens;
    const line = lineBehind ? before.lastIndexOf("\n") + 1 : before.length;
    const ids = this.#tokenizer.encodePrompt("");
    const push = (tokens: readonly number[]): void => {
      for (const token of tokens) ids.push(token);
    };
    push(this.#context(files, most));
    push([prefix, ...this.#tokenizer.encode(before.slice(0, line), most)]);
    push([suffix, ...this.#tokenizer.encodeInside(after, most)]);
    push([middle, ...this.#tokenizer.encodeInside(before.slice(line), most)]);
    return ids;
  }

  /** Ids of the other files, in the model's own form where it has one. */
  #context(files: readonly ContextFile[], most: number): number[] {
    if (files.length === 0) return [];
    const text = (value: string) => this.#tokenizer.encode(value, most);
    for (const family of FILE_TEXTS) {
      const file = this.#tokenizer.specialId(family.file);
      const repository = family.repository === null ? undefined : this.#tokenizer.specialId(family.repository);
      if (file === undefined) continue;
      return [
        ...(repository === undefined ? [] : [repository, ...text(`${REPOSITORY}\n`)]),
        ...files.flatMap(({ name, text: content }) => [file, ...text(`${name}\n${content}`)]),
        file,
        ...text(`${OPEN_FILE}\n`),
      ];
    }
    return text(files.map(({ text: content }) => `${content}${SNIPPET}`).join(""));
  }
}

/** A token by its place; undefined where the tokenizer has none. */
type Lookup = (place: "prefix" | "suffix" | "middle") => number | undefined;

function complete(id: Lookup, ends: readonly number[]): FillTokens | undefined {
  const [prefix, suffix, middle] = [id("prefix"), id("suffix"), id("middle")];
  if (prefix === undefined || suffix === undefined || middle === undefined) return undefined;
  return { prefix, suffix, middle, ends };
}

/** The tokens that the configuration names, else those of the first family that the tokenizer has whole. */
function fillTokens(config: Readonly<Record<string, unknown>>, tokenizer: Tokenizer): FillTokens | undefined {
  const named = (place: keyof typeof FILL_FIELDS) => {
    const token = config[FILL_FIELDS[place]];
    // Hugging Face writes a token as its text or as an object with it.
    const text = typeof token === "object" && token !== null && "content" in token ? token.content : token;
    return typeof text === "string" ? tokenizer.specialId(text) : undefined;
  };
  const known = [named("end"), ...FILL_ENDS.map((text) => tokenizer.specialId(text))];
  const ends = [...new Set(known.filter((id) => id !== undefined))];
  const families = FILL_TEXTS.map(
    (texts): Lookup =>
      (place) =>
        tokenizer.specialId(texts[place]),
  );
  for (const lookup of [named, ...families]) {
    const tokens = complete(lookup, ends);
    if (tokens) return tokens;
  }
  return undefined;
}
