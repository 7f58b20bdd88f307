import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { ChatTemplate } from "../../src/core/model/chat.ts";
import type { OutriderError } from "../../src/core/model/errors.ts";
import { longestTokens } from "../../src/core/model/longest-tokens.ts";
import { finished } from "../../src/core/model/sliced.ts";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { tokensAnswer } from "../../src/edge/api/tokens/answer.ts";
import { checkQuestion } from "../../src/edge/api/tokens/limit.ts";
import {
  parseDetokenize,
  parseTemplate,
  parseTokenize,
  type TokenRequest,
} from "../../src/edge/api/tokens/question.ts";
import { seeded } from "../support/random.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const tokenizer = openTokenizer(readFileSync(join(TINY_PACKS.draft, "tokenizer.json"), "utf8"));
const template = new ChatTemplate(readFileSync(join(TINY_PACKS.draft, "tokenizer_config.json"), "utf8"), tokenizer);
const { vocabulary, target } = packHeader(TINY_PACKS.draft);
const reader = { description: { vocabulary, context: target!.context }, tokenizer, chat: () => template };
interface Reply {
  readonly [field: string]: unknown;
}

const answered = (request: TokenRequest) => JSON.parse(finished(tokensAnswer(request, reader))) as Reply;
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

describe("a question that is too much", () => {
  const most = 4 * reader.description.context;
  const longest = longestTokens(readFileSync(join(TINY_PACKS.draft, "tokenizer.json"), "utf8"))!;
  const model = { ...reader.description, model: "m", stopIds: [], draft: null, longestTokens: longest };
  const limit = { code: "context_length_exceeded", status: 400, message: expect.stringContaining(`${most} tokens`) };

  test.each<[string, (size: number) => TokenRequest, string]>([
    ["text", (size) => parseTokenize({ content: "7".repeat(size) }), "content"],
    ["a prompt", (size) => parseTokenize({ prompt: "7".repeat(size), add_special_tokens: false }), "prompt"],
    ["messages", (size) => parseTokenize({ messages: [{ role: "assistant", content: "7".repeat(size) }] }), "messages"],
    [
      "messages to render",
      (size) => parseTemplate({ messages: [{ role: "user", content: "7".repeat(size) }] }),
      "messages",
    ],
    ["ids", (size) => parseDetokenize({ tokens: new Array(size).fill(1) }), "tokens"],
  ])("is refused by the Worker, by its size alone: %s", (_, asked, param) => {
    expect(() => checkQuestion(asked(most).question, model)).not.toThrow();
    expect(refusal(() => checkQuestion(asked(most + 1).question, model))).toMatchObject({ ...limit, param });
  });

  test("is refused where its tokens are counted, too, and what is just within the limit is not", () => {
    // Where nothing is known of a tokenizer's tokens.
    expect(() =>
      checkQuestion(parseTokenize({ content: "7".repeat(most + 1) }).question, { ...model, longestTokens: undefined }),
    ).not.toThrow();
    expect(tokenize({ content: "7".repeat(most) }).count).toBe(most);
    expect(refusal(() => tokenize({ content: "7".repeat(most + 1) }))).toMatchObject({ ...limit, param: "content" });
  });
});

describe("an answer comes in slices, of which none grows with the text", () => {
  /** Slices of the work, and the most tokens that the codec made or told in one of them. */
  const slicesOf = (request: TokenRequest): number => {
    const work = tokensAnswer(request, { ...reader, description: { ...reader.description, context: 1 << 20 } });
    let slices = 1;
    while (!work.next().done) slices++;
    return slices;
  };
  const many = 40_000;
  const few = 400;

  test.each<[string, (size: number) => TokenRequest]>([
    ["many pieces", (size) => parseTokenize({ content: "7".repeat(size) })],
    ["one piece", (size) => parseTokenize({ content: "a".repeat(size) })],
    ["special tokens", (size) => parseTokenize({ content: "<|im_end|>".repeat(size) })],
    ["a conversation", (size) => parseTokenize({ messages: [{ role: "user", content: "a1".repeat(size) }] })],
    ["ids", (size) => parseDetokenize({ tokens: new Array(size).fill(1) })],
  ])("%s", (_, asked) => {
    expect(slicesOf(asked(few))).toBe(1);
    // A slice has some thousands of characters, ids or pairs that may be merged.
    expect(slicesOf(asked(many))).toBeGreaterThan(many / 5000);
  });

  test("texts of tokens take slices of their own, and each token's is made once", () => {
    const plain = slicesOf(parseTokenize({ content: "7".repeat(many) }));
    const request = parseTokenize({ content: "7".repeat(many), with_pieces: true, return_token_strs: true });
    expect(slicesOf(request)).toBeGreaterThan(plain + (2 * many) / 2500);
    const asked = vi.spyOn(tokenizer, "markupBytes");
    slicesOf(request);
    expect(asked.mock.calls.length).toBeLessThan(10);
    asked.mockRestore();
  });
});

test("where the number alone is asked for, no id is told", () => {
  const { question } = parseTokenize({ messages });
  const counted = answered({ model: null, question, reply: "count", pieces: false, strings: false });
  expect(counted).toEqual({ input_tokens: template.encode(messages).length });
});

test("/apply-template: the text whose ids, message by message, the model reads", () => {
  const plain = [{ role: "user", content: "Hi" }];
  const { prompt } = answered(parseTemplate({ messages: plain }));
  expect(tokenizer.encodeMarkup(prompt as string)).toEqual(template.encode(plain));
  expect(answered(parseTemplate({ messages })).prompt).toContain("Hi <|im_end|>");
});
