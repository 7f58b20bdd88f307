/**
 * Text ⇄ token ids. Added tokens are found here; what lies between them is a codec's: our compact table (codec.ts,
 * bpe.ts) or the library as it is (library-codec.ts).
 * Special tokens are commands to the model: `encode` never produces one, whatever the text says, `encodeMarkup` does.
 */
import { type AddedToken, bpeCodec, type Codec, type PostProcessor, type TokenizerJson, tooMany } from "./codec.ts";
import { OutriderError } from "./errors.ts";
import { isFillText } from "./fill-texts.ts";
import { libraryCodec } from "./library-codec.ts";
import { finished, type Sliced } from "./sliced.ts";
import { unsupported } from "./splitter.ts";
import { tokenTable } from "./tokenizer-files.ts";

/** Added tokens, and pieces of text between them, in a slice. */
const PIECES = 1024;

export class Tokenizer {
  readonly #codec: Codec;
  /** Text of the added tokens → id: the special ones, and those that are ordinary words. */
  readonly #special: AddedTokens;
  readonly #words: AddedTokens;
  /** Tokens that a whole text begins with. */
  readonly #prefix: readonly number[];
  readonly #encoder = new TextEncoder();

  /**
   * Takes the text of `tokenizer.json`. Throws `unsupported_tokenizer` for anything but byte-level BPE unless `codecOf`
   * knows more, naming the field, and `bad_tokenizer` for tables that contradict themselves.
   */
  constructor(tokenizerJson: string, codecOf: typeof bpeCodec = bpeCodec) {
    const json = parse(tokenizerJson);
    const table = tokenTable(json);
    checkSupported(json);
    const { added_tokens: added } = json;
    this.#special = new AddedTokens(added.filter(commands));
    this.#words = new AddedTokens(added.filter((token) => !commands(token)));
    for (const { id } of added) table[id] = null;
    this.#codec = codecOf(json, table);
    this.#prefix = prefixOf(json.post_processor).flatMap((content) => this.specialId(content) ?? []);
  }

  /**
   * Ids of plain text. Special tokens in it are text like any other: nobody's message can open or end a turn.
   * @param most throws `too_many_tokens` where there would be more ids, without looking at all of a long text
   */
  encode(text: string, most = Infinity): number[] {
    return finished(this.encoding(text, most));
  }

  /** As `encode`, in slices. */
  *encoding(text: string, most = Infinity): Sliced<number[]> {
    const out: number[] = [];
    yield* this.#encodeText(text, true, out, most);
    return out;
  }

  /** As `encode`, of text that is not the beginning of what the model reads: no space is put in front of it. */
  encodeInside(text: string, most = Infinity): number[] {
    const out: number[] = [];
    finished(this.#encodeText(text, false, out, most));
    return out;
  }

  /** Ids of text that may command the model, such as a rendered chat template: special tokens are recognised. */
  encodeMarkup(text: string, most = Infinity): number[] {
    return this.encodeMarked(text, (piece) => piece, most);
  }

  /** Ids of a raw prompt: as `encodeMarkup`, and what the model wants every text to begin with. */
  encodePrompt(text: string, most = Infinity): number[] {
    return finished(this.encodingPrompt(text, most));
  }

  /** As `encodePrompt`, in slices. */
  *encodingPrompt(text: string, most = Infinity): Sliced<number[]> {
    const ids = yield* this.encodingMarked(text, (piece) => piece, most);
    const begun = this.#prefix.every((id, at) => ids[at] === id);
    return begun ? ids : [...this.#prefix, ...ids];
  }

  /** As `encodeMarkup`, with `unmark` applied to the text between special tokens once these have been found. */
  encodeMarked(text: string, unmark: (text: string) => string, most = Infinity): number[] {
    return finished(this.encodingMarked(text, unmark, most));
  }

  /** As `encodeMarked`, in slices. */
  *encodingMarked(text: string, unmark: (text: string) => string, most = Infinity): Sliced<number[]> {
    const out: number[] = [];
    let first = true;
    let pieces = 0;
    for (const piece of this.#special.cut(text)) {
      if (++pieces % PIECES === 0) yield;
      if (typeof piece === "string") yield* this.#encodeText(unmark(piece), first, out, most);
      else if (out.push(piece) > most) throw tooMany(most);
      first = false;
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

  /** The text of ids as `encodeMarkup` reads it: special tokens as they are written. */
  decodeMarkup(ids: Iterable<number>): string {
    const decoder = this.markupDecoder();
    let text = "";
    for (const id of ids) text += decoder.push(id);
    return text + decoder.end();
  }

  /** The bytes of one token, of a special one as it is written; none for an id that the vocabulary does not use. */
  markupBytes(id: number): Uint8Array {
    const special = this.#special.contentOf(id);
    return special === undefined ? this.bytesOf(id) : this.#encoder.encode(special);
  }

  /** Decodes one answer token by token. */
  decoder(): TokenDecoder {
    return new TokenDecoder((id) => this.bytesOf(id));
  }

  /** Does what `decodeMarkup` does token by token. */
  markupDecoder(): TokenDecoder {
    return new TokenDecoder((id) => this.markupBytes(id));
  }

  /** Texts of the special tokens. */
  get specialTokens(): readonly string[] {
    return this.#special.contents;
  }

  /** The id of a special token by its text. */
  specialId(content: string): number | undefined {
    return this.#special.idOf(content);
  }

  *#encodeText(text: string, first: boolean, out: number[], most: number): Sliced<void> {
    let begins = first;
    let pieces = 0;
    for (const piece of this.#words.cut(text)) {
      if (++pieces % PIECES === 0) yield;
      if (typeof piece === "string") yield* this.#codec.encode(piece, begins, out, most);
      else if (out.push(piece) > most) throw tooMany(most);
      begins = false;
    }
  }

  /** The bytes that a token adds to a text; none for special tokens and for ids that the vocabulary does not use. */
  bytesOf(id: number): Uint8Array {
    const word = this.#words.contentOf(id);
    return word === undefined ? this.#codec.bytesOf(id) : this.#encoder.encode(word);
  }
}

/**
 * The tokenizer of any target: SentencePiece's kinds too, which take more memory. Throws `unsupported_tokenizer` naming
 * what cannot be read, or `bad_tokenizer`.
 */
export const openTokenizer = (tokenizerJson: string): Tokenizer =>
  new Tokenizer(tokenizerJson, (json, table) =>
    json.decoder?.type === "ByteLevel" ? bpeCodec(json, table) : libraryCodec(json, table),
  );

const commands = ({ special, content }: AddedToken): boolean => special === true || isFillText(content);

/**
 * Texts of the special tokens that a post-processor puts before a text. Those that it puts behind one do not begin
 * anything.
 */
function prefixOf(post: PostProcessor | null | undefined): string[] {
  if (post?.type === "Sequence") return (post.processors ?? []).flatMap(prefixOf);
  if (post?.type !== "TemplateProcessing") return [];
  const single = post.single ?? [];
  const text = single.findIndex((piece) => "Sequence" in piece);
  return single.slice(0, Math.max(0, text)).flatMap((piece) => piece.SpecialToken?.id ?? []);
}

function parse(tokenizerJson: string): TokenizerJson {
  try {
    return JSON.parse(tokenizerJson) as TokenizerJson;
  } catch (cause) {
    throw new OutriderError("bad_tokenizer", "tokenizer.json is not JSON", { cause });
  }
}

function checkSupported({ added_tokens: added, post_processor: post }: TokenizerJson): void {
  const needs: [string, boolean][] = [
    ["added_tokens must be a list", Array.isArray(added)],
    // Two characters or more, so that one that somebody writes can be broken in the middle (chat.ts).
    [
      "special tokens must have two characters or more",
      added?.every(({ content, special }) => !special || content.length > 1),
    ],
    ["added tokens must not be found at word boundaries only", !added?.some((token) => token.single_word)],
    ["post_processor must be null, ByteLevel or TemplateProcessing", postProcessorsOf(post).every(isKnown)],
  ];
  const unmet = needs.find(([, met]) => !met);
  if (unmet) throw unsupported(unmet[0]);
}

const postProcessorsOf = (post: PostProcessor | null | undefined): readonly PostProcessor[] =>
  post == null ? [] : post.type === "Sequence" ? (post.processors ?? []).flatMap(postProcessorsOf) : [post];
const isKnown = ({ type }: PostProcessor): boolean => type === "ByteLevel" || type === "TemplateProcessing";

/** Text of tokens that arrive one by one. A character whose bytes are spread over tokens comes with its last one. */
export class TokenDecoder {
  readonly #bytesOf: (id: number) => Uint8Array;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

  constructor(bytesOf: (id: number) => Uint8Array) {
    this.#bytesOf = bytesOf;
  }

  /** The text that this token completes; "" for special tokens and for ids that the vocabulary does not use. */
  push(id: number): string {
    return this.#utf8.decode(this.#bytesOf(id), { stream: true });
  }

  /** The bytes of a token's text; none of a special token. */
  bytesOf(id: number): Uint8Array {
    return this.#bytesOf(id);
  }

  /** The texts of tokens that might have come next, and did not. */
  instead(ids: readonly number[]): string[] {
    const other = new TokenDecoder(this.#bytesOf);
    return ids.map((id, i) => other.push(id) + (i === ids.length - 1 ? other.end() : ""));
  }

  /** What is left at the end of an answer: U+FFFD for half a character. */
  end(): string {
    return this.#utf8.decode();
  }
}

/** A text as a pattern that matches it alone. */
export const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

/** Tokens that are found in text before it is split, the longest first. Some take the spaces beside them along. */
class AddedTokens {
  readonly contents: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #contents: ReadonlyMap<number, string>;
  readonly #pattern: RegExp | undefined;

  constructor(tokens: readonly AddedToken[]) {
    this.contents = tokens.map((token) => token.content);
    this.#ids = new Map(tokens.map(({ id, content }) => [content, id]));
    this.#contents = new Map(tokens.map(({ id, content }) => [id, content]));
    const longestFirst = tokens
      .filter(({ content }) => content !== "")
      .sort((a, b) => b.content.length - a.content.length);
    const patterns = longestFirst.map(
      ({ content, lstrip, rstrip }) => `${lstrip ? "\\s*" : ""}${escaped(content)}${rstrip ? "\\s*" : ""}`,
    );
    if (patterns.length > 0) this.#pattern = new RegExp(patterns.join("|"), "g");
  }

  idOf(content: string): number | undefined {
    return this.#ids.get(content);
  }

  contentOf(id: number): string | undefined {
    return this.#contents.get(id);
  }

  /** The text as ids of these tokens and the pieces of text between them, one after the other. */
  *cut(text: string): Generator<number | string> {
    const pattern = this.#pattern;
    let from = 0;
    while (pattern) {
      // Other texts are cut in between.
      pattern.lastIndex = from;
      const match = pattern.exec(text);
      if (!match) break;
      const [found] = match;
      if (match.index > from) yield text.slice(from, match.index);
      yield this.#ids.get(found) ?? this.#ids.get(found.trim()) ?? found;
      from = match.index + found.length;
    }
    if (from < text.length) yield text.slice(from);
  }
}
