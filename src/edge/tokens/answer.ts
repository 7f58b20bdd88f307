/** Answers to `TokenQuestion`s. Each reply has llama.cpp's fields and vLLM's, so that clients of both find theirs. */
import type { TargetDescription } from "../../format/edge-model.ts";
import type { ChatTemplate } from "../../model/chat.ts";
import { OutriderError } from "../../model/errors.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import { conversationOf } from "../prompt.ts";
import type { TokenRequest } from "./question.ts";

interface Reader {
  readonly description: Pick<TargetDescription, "vocabulary" | "context">;
  readonly tokenizer: Tokenizer;
  chat(): ChatTemplate;
}

/** Throws `bad_token`, and what the chat template refuses, all 400. */
export function tokensAnswer({ question, pieces, strings }: TokenRequest, reader: Reader): object {
  const { tokenizer, description, chat } = reader;
  if (question.kind === "template") {
    const { messages, tools } = conversationOf(question.messages, question.offer, chat());
    return { prompt: chat().render(messages, tools) };
  }
  if (question.kind === "detokenize") {
    const bad = question.ids.find((id) => id >= description.vocabulary.size);
    if (bad !== undefined) {
      const message = `token id ${bad} is outside the vocabulary of ${description.vocabulary.size}`;
      throw new OutriderError("bad_token", message, { param: "tokens" });
    }
    const text = tokenizer.decodeMarkup(question.ids);
    return { content: text, prompt: text };
  }
  const ids = question.kind === "tokenize" ? encoded(question, tokenizer) : chatIds(question, chat());
  return {
    tokens: pieces ? ids.map((id) => ({ id, piece: pieceOf(tokenizer.markupBytes(id)) })) : ids,
    count: ids.length,
    max_model_len: description.context,
    ...(strings && { token_strs: ids.map((id) => tokenizer.decodeMarkup([id])) }),
  };
}

function chatIds(
  { messages, offer }: Extract<TokenRequest["question"], { kind: "tokenize-chat" }>,
  chat: ChatTemplate,
): readonly number[] {
  const given = conversationOf(messages, offer, chat);
  return chat.encode(given.messages, Number.POSITIVE_INFINITY, given.tools);
}

function encoded(
  { of, begins, markup }: { readonly of: string; readonly begins: boolean; readonly markup: boolean },
  tokenizer: Tokenizer,
): readonly number[] {
  if (markup) return begins ? tokenizer.encodePrompt(of) : tokenizer.encodeMarkup(of);
  return [...(begins ? tokenizer.encodePrompt("") : []), ...tokenizer.encode(of)];
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
