/**
 * Text ⇄ token ids. The normaliser and the splitting into pieces are @huggingface/tokenizers'; merging is our compact
 * table (bpe.ts), since the library keeps every merge as a string and this must fit beside the weights.
 * Special tokens are commands to the model: `encode` never produces one, whatever the text says, `encodeMarkup` does.
 */
import { Bpe } from "./bpe.ts";
import { OutriderError } from "./errors.ts";
import { splitter, unsupported } from "./splitter.ts";
import { tokenTable } from "./tokenizer-files.ts";

/** The fields of `tokenizer.json` that are read here; tokenTable checks the vocabulary and the added tokens' ids. */
interface TokenizerJson {
  readonly added_tokens: readonly AddedToken[];
  readonly normalizer: unknown;
  readonly pre_tokenizer: unknown;
  readonly post_processor: { readonly type?: unknown } | null;
  readonly decoder: { readonly type?: unknown } | null;
  readonly model: Readonly<Record<string, unknown>> & { readonly merges: readonly (string | [string, string])[] };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly single_word?: boolean;
}

export class Tokenizer {
  readonly #bpe: Bpe;
  readonly #split: (text: string) => string[];
  /** Text of the added tokens → id: the special ones, and those that are ordinary words. */
  readonly #special: AddedTokens;
  readonly #words: AddedTokens;
  readonly #encoder = new TextEncoder();

  /**
   * Takes the text of `tokenizer.json`. Throws `unsupported_tokenizer` for anything but byte-level BPE, naming the field,
   * and `bad_tokenizer` for tables that contradict themselves.
   */
  constructor(tokenizerJson: string) {
    const json = parse(tokenizerJson);
    const table = tokenTable(json);
    checkSupported(json);
    const { added_tokens: added, normalizer, pre_tokenizer, model } = json;
    this.#special = new AddedTokens(added.filter((token) => token.special));
    this.#words = new AddedTokens(added.filter((token) => !token.special));
    for (const { id } of added) table[id] = null;
    const merges = model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
    this.#bpe = new Bpe(table, merges);
    this.#split = splitter(normalizer, pre_tokenizer);
  }

  /** Ids of plain text. Special tokens in it are text like any other: nobody's message can open or end a turn. */
  encode(text: string): number[] {
    const out: number[] = [];
    this.#encodeText(text, out);
    return out;
  }

  /** Ids of text that may command the model, such as a rendered chat template or a raw prompt: special tokens are recognised. */
  encodeMarkup(text: string): number[] {
    return this.encodeMarked(text, (piece) => piece);
  }

  /** As `encodeMarkup`, with `unmark` applied to the text between special tokens once these have been found. */
  encodeMarked(text: string, unmark: (text: string) => string): number[] {
    const out: number[] = [];
    for (const piece of this.#special.cut(text)) {
      if (typeof piece === "number") out.push(piece);
      else this.#encodeText(unmark(piece), out);
    }
    return out;
  }

  /** The text of ids, special tokens left out; bytes that are not UTF-8 become U+FFFD. */
  decode(ids: Iterable<number>): string {
    const decoder = this.decoder();
    let text = "";
    for (const id of ids) text += decoder.push(id);
    return text + decoder.end();
  }

  /** Decodes one answer token by token. */
  decoder(): TokenDecoder {
    return new TokenDecoder((id) => this.#bytesOf(id));
  }

  /** Texts of the special tokens. */
  get specialTokens(): readonly string[] {
    return this.#special.contents;
  }

  /** The id of a special token by its text. */
  specialId(content: string): number | undefined {
    return this.#special.idOf(content);
  }

  #encodeText(text: string, out: number[]): void {
    for (const piece of this.#words.cut(text)) {
      if (typeof piece === "number") out.push(piece);
      else for (const part of this.#split(piece)) this.#bpe.encode(this.#encoder.encode(part), out);
    }
  }

  #bytesOf(id: number): Uint8Array {
    const word = this.#words.contentOf(id);
    return word === undefined ? this.#bpe.bytesOf(id) : this.#encoder.encode(word);
  }
}

/** The tokenizer of a `tokenizer.json`. Throws `unsupported_tokenizer` or `bad_tokenizer`. */
export const openTokenizer = (tokenizerJson: string): Tokenizer => new Tokenizer(tokenizerJson);

function parse(tokenizerJson: string): TokenizerJson {
  try {
    return JSON.parse(tokenizerJson) as TokenizerJson;
  } catch (cause) {
    throw new OutriderError("bad_tokenizer", "tokenizer.json is not JSON", { cause });
  }
}

function checkSupported({ added_tokens: added, post_processor: post, decoder, model }: TokenizerJson): void {
  const needs: [string, boolean][] = [
    ["added_tokens must be a list", Array.isArray(added)],
    // Two characters or more, so that one that somebody writes can be broken in the middle (chat.ts).
    ["special tokens must have two characters or more", added?.every(({ content }) => content.length > 1)],
    ["added tokens must not strip what surrounds them", !added?.some((t) => t.lstrip || t.rstrip || t.single_word)],
    ["post_processor must be null or ByteLevel", post == null || post.type === "ByteLevel"],
    ["decoder must be ByteLevel", decoder?.type === "ByteLevel"],
    ["model must be BPE", model.type === "BPE" && Array.isArray(model.merges)],
    ["model.merges must be pairs", model.merges?.every((merge) => typeof merge === "string" || Array.isArray(merge))],
    [
      "model must not fall back to bytes, ignore merges or mark subwords",
      !UNSUPPORTED_FLAGS.some((flag) => model[flag]),
    ],
  ];
  const unmet = needs.find(([, met]) => !met);
  if (unmet) throw unsupported(unmet[0]);
}

const UNSUPPORTED_FLAGS = ["byte_fallback", "ignore_merges", "continuing_subword_prefix", "end_of_word_suffix"];

/** Text of tokens that arrive one by one. A character whose bytes are spread over tokens comes with its last one. */
export class TokenDecoder {
  readonly #bytesOf: (id: number) => Uint8Array;
  readonly #utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(bytesOf: (id: number) => Uint8Array) {
    this.#bytesOf = bytesOf;
  }

  /** The text that this token completes; "" for special tokens and for ids that the vocabulary does not use. */
  push(id: number): string {
    return this.#utf8.decode(this.#bytesOf(id), { stream: true });
  }

  /** What is left at the end of an answer: U+FFFD for half a character. */
  end(): string {
    return this.#utf8.decode();
  }
}

/** Tokens that are found in text before it is split, the longest first. */
class AddedTokens {
  readonly contents: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #pattern: RegExp | undefined;

  constructor(tokens: readonly { id: number; content: string }[]) {
    this.contents = tokens.map((token) => token.content);
    this.#ids = new Map(tokens.map(({ id, content }) => [content, id]));
    const longestFirst = [...this.contents].sort((a, b) => b.length - a.length);
    const escaped = longestFirst.map((content) => content.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
    if (tokens.length > 0) this.#pattern = new RegExp(`(${escaped.join("|")})`);
  }

  idOf(content: string): number | undefined {
    return this.#ids.get(content);
  }

  contentOf(id: number): string | undefined {
    for (const [content, own] of this.#ids) if (own === id) return content;
    return undefined;
  }

  /** The text as ids of these tokens and the pieces of text between them. */
  cut(text: string): (number | string)[] {
    if (!this.#pattern) return text === "" ? [] : [text];
    const pieces = text.split(this.#pattern).filter((piece) => piece !== "");
    return pieces.map((piece) => this.#ids.get(piece) ?? piece);
  }
}
