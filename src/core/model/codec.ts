/**
 * Pieces of plain text ⇄ token ids: what differs between kinds of tokenizers. Special and added tokens are
 * tokenizer.ts's.
 */
import { Bpe } from "./bpe.ts";
import { OutriderError } from "./errors.ts";
import type { Sliced } from "./sliced.ts";
import { splitter, unsupported } from "./splitter.ts";

/** The fields of `tokenizer.json` that are read; tokenTable checks the vocabulary and the added tokens' ids. */
export interface TokenizerJson {
  readonly added_tokens: readonly AddedToken[];
  readonly normalizer: unknown;
  readonly pre_tokenizer: unknown;
  readonly post_processor: PostProcessor | null;
  readonly decoder: { readonly type?: unknown } | null;
  readonly model: Readonly<Record<string, unknown>> & { readonly merges: readonly (string | [string, string])[] };
}

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly single_word?: boolean;
}

export interface PostProcessor {
  readonly type?: unknown;
  readonly processors?: readonly PostProcessor[];
  readonly single?: readonly Readonly<Record<string, { readonly id: string }>>[];
}

/** Characters of a text in a slice, a millisecond or two, where each of its pieces counts for so many more. */
const SLICE = 8192;
const PIECE = 3;

export interface Codec {
  /**
   * Appends the ids of text that holds no added token, in slices.
   * @param first whether the text is the beginning of what is encoded
   * @param most tokens that `out` may have. Throws `too_many_tokens` once it has more, or is certain to
   */
  encode(text: string, first: boolean, out: number[], most: number): Sliced<void>;
  /** The bytes that a token stands for; none for an id that is not in the vocabulary. */
  bytesOf(id: number): Uint8Array;
}

/**
 * Byte-level BPE on our own tables, small enough to lie beside a draft's weights.
 * @param table tokens by id, null where an id is an added token or nothing
 * Throws `unsupported_tokenizer` for other kinds, naming the field, `bad_tokenizer` for tables that contradict
 * themselves.
 */
export function bpeCodec(json: TokenizerJson, table: (string | null)[]): Codec {
  checkBpe(json);
  return codecOf(bpeOf(json.model, table), splitter(json.normalizer, json.pre_tokenizer));
}

function checkBpe({ decoder, model }: TokenizerJson): void {
  const needs: [string, boolean][] = [
    ["decoder must be ByteLevel", decoder?.type === "ByteLevel"],
    ["model must be BPE", model.type === "BPE" && Array.isArray(model.merges)],
    ["model.merges must be pairs", Array.isArray(model.merges) && model.merges.every(isMerge)],
    ["model must not fall back to bytes or mark subwords", !UNSUPPORTED_FLAGS.some((flag) => model[flag])],
  ];
  const unmet = needs.find(([, met]) => !met);
  if (unmet) throw unsupported(unmet[0]);
}

function bpeOf(model: TokenizerJson["model"], table: (string | null)[]): Bpe {
  const merges = model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
  return new Bpe(table, merges, model.ignore_merges === true);
}

/**
 * A function of its own: the closures live as long as the tokenizer, and must not hold the parsed file, which is
 * larger.
 */
function codecOf(bpe: Bpe, { normal, cut }: ReturnType<typeof splitter>): Codec {
  const encoder = new TextEncoder();
  const buffer = new Uint8Array(1024);
  const bytesOf = (piece: string): Uint8Array => {
    // A UTF-16 unit has at most three bytes.
    if (piece.length * 3 > buffer.length) return encoder.encode(piece);
    return buffer.subarray(0, encoder.encodeInto(piece, buffer).written);
  };
  return {
    *encode(text, _, out, most) {
      const whole = normal(text);
      // Longer than any prompt that fits.
      if (whole.length > most - out.length && out.length + bpe.fewest(encoder.encode(whole)) > most)
        throw tooMany(most);
      let left = SLICE;
      for (const piece of cut(whole)) {
        const bytes = bytesOf(piece);
        if (!bpe.encodeShort(bytes, out)) yield* bpe.encode(bytes, out);
        if (out.length > most) throw tooMany(most);
        left -= piece.length + PIECE;
        if (left > 0) continue;
        left = SLICE;
        yield;
      }
    },
    bytesOf: (id) => bpe.bytesOf(id),
  };
}

/** What to throw when a text has more tokens than whoever asked can use. */
export const tooMany = (most: number) =>
  new OutriderError("too_many_tokens", `the text has more than ${most} tokens; shorten it`);

const isMerge = (merge: unknown): boolean =>
  typeof merge === "string" ||
  (Array.isArray(merge) && merge.length === 2 && merge.every((half) => typeof half === "string"));

const UNSUPPORTED_FLAGS = ["byte_fallback", "continuing_subword_prefix", "end_of_word_suffix"];
