/**
 * Answers to `TokenQuestion`s. Each reply has llama.cpp's fields and vLLM's, so that clients of both find theirs. A text
 * may have many tokens, and the thread is everybody's: whatever grows with them is done in slices.
 */
import type { TargetDescription } from "../../../core/format/edge-model.ts";
import type { ChatTemplate } from "../../../core/model/chat.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import type { Sliced } from "../../../core/model/sliced.ts";
import type { Tokenizer } from "../../../core/model/tokenizer.ts";
import { conversationOf } from "../../prompt/prompt.ts";
import { mostTokens, tooMuch } from "./limit.ts";
import type { TokenRequest } from "./question.ts";

interface Reader {
  readonly description: Pick<TargetDescription, "vocabulary" | "context">;
  readonly tokenizer: Tokenizer;
  chat(): ChatTemplate;
}

/** Tokens whose texts are looked up in a slice. */
const TOKENS = 2048;

/**
 * The JSON of the reply. Throws `bad_token`, `context_length_exceeded` where there would be more tokens than a question
 * may have, and what the chat template refuses, all 400.
 */
export function* tokensAnswer(request: TokenRequest, reader: Reader): Sliced<string> {
  const { question, reply, pieces, strings } = request;
  const { tokenizer, description, chat } = reader;
  if (question.kind === "template") {
    const { messages, tools } = conversationOf(question.messages, question.offer, chat());
    return JSON.stringify({ prompt: chat().render(messages, tools) });
  }
  if (question.kind === "detokenize") {
    const bad = question.ids.find((id) => id >= description.vocabulary.size);
    if (bad !== undefined) {
      const message = `token id ${bad} is outside the vocabulary of ${description.vocabulary.size}`;
      throw new OutriderError("bad_token", message, { param: "tokens" });
    }
    let text = "";
    const decoder = tokenizer.markupDecoder();
    for (const [at, id] of question.ids.entries()) {
      text += decoder.push(id);
      if (at % TOKENS === TOKENS - 1) yield;
    }
    text += decoder.end();
    return JSON.stringify({ content: text, prompt: text });
  }
  let ids: readonly number[];
  try {
    ids = yield* idsOf(question, reader, mostTokens(description));
  } catch (error) {
    throw (error as OutriderError).code === "too_many_tokens" ? tooMuch(question, description) : error;
  }
  if (reply === "count") return JSON.stringify({ input_tokens: ids.length });
  const counts = { count: ids.length, max_model_len: description.context };
  const piece = (id: number) => ({ id, piece: pieceOf(tokenizer.markupBytes(id)) });
  const tokens = pieces ? yield* listed(ids, piece) : `[${ids.join()}]`;
  const texts = strings ? yield* listed(ids, (id) => tokenizer.decodeMarkup([id])) : null;
  const others = JSON.stringify(counts).slice(1, -1);
  return `{"tokens":${tokens},${others}${texts === null ? "" : `,"token_strs":${texts}`}}`;
}

/** The JSON of a list of something for each id. */
function* listed(ids: readonly number[], of: (id: number) => unknown): Sliced<string> {
  // Each is told once, however often it stands there.
  const told = new Map<number, string>();
  const all: string[] = [];
  for (const [at, id] of ids.entries()) {
    const known = told.get(id) ?? JSON.stringify(of(id));
    told.set(id, known);
    all.push(known);
    if (at % TOKENS === TOKENS - 1) yield;
  }
  return `[${all.join()}]`;
}

type TokenizeQuestion = Extract<TokenRequest["question"], { kind: "tokenize" | "tokenize-chat" }>;

function* idsOf(question: TokenizeQuestion, { tokenizer, chat }: Reader, most: number): Sliced<readonly number[]> {
  if (question.kind === "tokenize-chat") {
    const { messages, tools } = conversationOf(question.messages, question.offer, chat());
    return yield* chat().encoding(messages, most, tools);
  }
  const { of, begins, markup } = question;
  if (!markup) return [...(begins ? tokenizer.encodePrompt("") : []), ...(yield* tokenizer.encoding(of, most))];
  return begins
    ? yield* tokenizer.encodingPrompt(of, most)
    : yield* tokenizer.encodingMarked(of, (piece) => piece, most);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The token's text, or its bytes where it is a part of a character, as llama.cpp writes it. */
function pieceOf(bytes: Uint8Array): string | readonly number[] {
  try {
    return utf8.decode(bytes);
  } catch {
    return [...bytes];
  }
}
