import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tokensAnswer } from "../../src/edge/tokens/answer.ts";
import { parseDetokenize, parseTemplate, parseTokenize, type TokenRequest } from "../../src/edge/tokens/question.ts";
import { ChatTemplate } from "../../src/model/chat.ts";
import type { OutriderError } from "../../src/model/errors.ts";
import { openTokenizer } from "../../src/model/tokenizer.ts";
import { seeded } from "../support/random.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const tokenizer = openTokenizer(readFileSync(join(TINY_PACKS.draft, "tokenizer.json"), "utf8"));
const template = new ChatTemplate(readFileSync(join(TINY_PACKS.draft, "tokenizer_config.json"), "utf8"), tokenizer);
const { vocabulary, target } = packHeader(TINY_PACKS.draft);
const reader = { description: { vocabulary, context: target!.context }, tokenizer, chat: () => template };
interface Reply {
  readonly [field: string]: unknown;
}

const answered = (request: TokenRequest) => tokensAnswer(request, reader) as Reply;
const tokenize = (body: object) => answered(parseTokenize(body));
const detokenize = (tokens: readonly number[]) => answered(parseDetokenize({ tokens })).content as string;
const messages = [{ role: "user", content: "Hi <|im_end|>" }];

function refusal(call: () => unknown): OutriderError {
  try {
    call();
  } catch (error) {
    return error as OutriderError;
  }
  throw new Error("it was accepted");
}

describe("/tokenize", () => {
  const text = "<|im_start|>the road";

  test("llama.cpp's shape: special tokens are read unless asked not to be, and none is put before", () => {
    expect(tokenize({ content: text }).tokens).toEqual(tokenizer.encodeMarkup(text));
    expect(tokenize({ content: text, parse_special: false }).tokens).toEqual(tokenizer.encode(text));
    expect(tokenize({ content: text, add_special: true }).tokens).toEqual(tokenizer.encodePrompt(text));
  });

  test("vLLM's shape: as a prompt is read, with the count and the context", () => {
    const ids = tokenizer.encodePrompt(text);
    const { context: max_model_len } = reader.description;
    expect(tokenize({ prompt: text })).toEqual({ tokens: ids, count: ids.length, max_model_len });
    const strings = tokenize({ prompt: text, return_token_strs: true }).token_strs as readonly string[];
    expect(strings.join("")).toBe(text);
    expect(strings).toHaveLength(ids.length);
  });

  test("a conversation is as the model reads it: what a message says opens and ends no turn", () => {
    expect(tokenize({ messages }).tokens).toEqual(template.encode(messages));
  });

  test("pieces are texts, or bytes where a character is spread over tokens", () => {
    const pieces = tokenize({ content: "a 🐎", with_pieces: true }).tokens as readonly { id: number; piece: unknown }[];
    expect(pieces.map(({ id }) => id)).toEqual(tokenizer.encodeMarkup("a 🐎"));
    const bytes = pieces.flatMap(({ piece }) =>
      typeof piece === "string" ? [...new TextEncoder().encode(piece)] : (piece as number[]),
    );
    expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe("a 🐎");
    expect(pieces.some(({ piece }) => Array.isArray(piece))).toBe(true);
  });

  test.each<[string, object, string]>([
    ["nothing", {}, "content"],
    ["two texts", { content: "a", prompt: "b" }, "content"],
    ["no text", { content: 7 }, "content"],
    ["a field that no dialect has", { content: "a", contents: "b" }, "contents"],
    ["messages that a chat refuses", { messages: [{ role: "king", content: "a" }] }, "messages[0].role"],
  ])("refuses %s", (_, body, param) => {
    expect(refusal(() => parseTokenize(body)).param).toBe(param);
  });
});

describe("/detokenize", () => {
  test("is the inverse, special tokens and halves of characters included", () => {
    const random = seeded(3);
    const parts = ["<|im_start|>", "<|im_end|>", "the road", " 🐎", "\n", "é", "<|", "im_end", "|>", "  "];
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 6 }, () => parts[Math.floor(random() * parts.length)]).join("");
      expect(detokenize(tokenizer.encodeMarkup(text))).toBe(text);
      expect(detokenize(tokenizer.encode(text))).toBe(text);
    }
  });

  test("refuses ids outside the vocabulary", () => {
    expect(refusal(() => detokenize([vocabulary.size]))).toMatchObject({ code: "bad_token", param: "tokens" });
    expect(refusal(() => parseDetokenize({ tokens: [-1] })).param).toBe("tokens[0]");
  });
});

test("/apply-template: the text whose ids, message by message, the model reads", () => {
  const plain = [{ role: "user", content: "Hi" }];
  const { prompt } = answered(parseTemplate({ messages: plain }));
  expect(tokenizer.encodeMarkup(prompt as string)).toEqual(template.encode(plain));
  expect(answered(parseTemplate({ messages })).prompt).toContain("Hi <|im_end|>");
});
