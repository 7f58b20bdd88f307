/**
 * SentencePiece's kinds of tokenizers (BPE with bytes to fall back to, Unigram) by @huggingface/tokenizers as it is.
 * The library keeps its vocabulary as strings and maps, tens of megabytes, so only an edge without weights has room for
 * them.
 */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { type Codec, type TokenizerJson, tooMany } from "./codec.ts";
import { FewestTokens } from "./fewest-tokens.ts";
import { normalizerOf } from "./normalizer.ts";
import { cutOf, unsupported } from "./splitter.ts";

/** What SentencePiece writes for a space. */
const SPACE = "\u2581";
const BYTE = /^<0x([0-9A-F]{2})>$/;

/** Throws `unsupported_tokenizer` for anything else, naming the model or the decoder. */
export function libraryCodec(json: TokenizerJson, table: (string | null)[]): Codec {
  const { model, decoder } = json;
  const steps = stepsOf(decoder);
  if (!(model.type === "Unigram" || (model.type === "BPE" && model.byte_fallback === true))) {
    throw unsupported(`model is ${JSON.stringify(model.type)}`);
  }
  const strange = steps.find((step) => !DECODERS.has(String(step)));
  if (strange !== undefined || steps.length === 0) throw unsupported(`decoder is ${JSON.stringify(strange ?? null)}`);
  let library: Library;
  let normal: ReturnType<typeof normalizerOf>;
  let cut: ReturnType<typeof cutOf>;
  try {
    const parts = { added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null };
    library = new Library({ ...json, ...parts }, {});
    normal = normalizerOf(json.normalizer);
    cut = cutOf(json.pre_tokenizer);
  } catch (cause) {
    throw unsupported((cause as Error).message);
  }
  const encoder = new TextEncoder();
  // A character without a token becomes its bytes, or one with its neighbours where the model has no bytes.
  const fewest = new FewestTokens(
    table.map((token) => unitsOf(token ?? "")),
    1 << 16,
    model.byte_fallback ? 0.5 : 0,
  );
  return {
    // biome-ignore lint/correctness/useYield: the library does all at once
    *encode(text, first, out, most) {
      const whole = normal(text);
      if (whole === "" || !library.model) return;
      if (whole.length > most - out.length && out.length + fewest.of(unitsOf(whole)) > most) throw tooMany(most);
      for (const token of library.model([...cut(whole, { section_index: first ? 0 : 1 })])) {
        const id = library.token_to_id(token) ?? library.model.unk_token_id;
        if (id !== undefined) out.push(id);
      }
      if (out.length > most) throw tooMany(most);
    },
    bytesOf(id) {
      const token = table[id];
      if (token == null) return new Uint8Array();
      const byte = BYTE.exec(token);
      return byte ? Uint8Array.of(Number.parseInt(byte[1]!, 16)) : encoder.encode(token.replaceAll(SPACE, " "));
    },
  };
}

function unitsOf(text: string): Uint16Array {
  const units = new Uint16Array(text.length);
  for (let at = 0; at < text.length; at++) units[at] = text.charCodeAt(at);
  return units;
}

/** Steps whose effect on one token is known here: spaces and bytes. */
const DECODERS: ReadonlySet<string> = new Set(["Metaspace", "Replace", "ByteFallback", "Fuse", "Strip"]);

function stepsOf(decoder: TokenizerJson["decoder"]): unknown[] {
  const { type, decoders } = (decoder ?? {}) as { type?: unknown; decoders?: { type?: unknown }[] };
  if (type === "Sequence" && Array.isArray(decoders)) return decoders.map((step) => step.type);
  return type === undefined ? [] : [type];
}
