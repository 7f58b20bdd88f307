import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ChatTemplate } from "../../src/core/model/chat.ts";
import type { OutriderError } from "../../src/core/model/errors.ts";
import { FillTemplate } from "../../src/core/model/fill.ts";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { parseChat, parseCompletion } from "../../src/edge/api/openai/openai.ts";
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { taskOf } from "../../src/edge/prompt/prompt.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const header = packHeader(TINY_PACKS.draft);
const tokenizer = new Tokenizer(readFileSync(join(TINY_PACKS.draft, "tokenizer.json"), "utf8"));
const config = readFileSync(join(TINY_PACKS.draft, "tokenizer_config.json"), "utf8");
const template = new ChatTemplate(config, tokenizer);
const { context, eosIds } = header.target!;
const reader = {
  description: { vocabulary: header.vocabulary, context, stopIds: eosIds },
  tokenizer,
  chat: () => template,
  fill: () => new FillTemplate(config, tokenizer),
};
/** The same model, whose files name tokens for fill-in-the-middle: three that it has anyway. */
const filling = {
  ...reader,
  fill: () => {
    const named = { prefix_token: "<|im_start|>", suffix_token: "<|im_end|>", middle_token: "<|endoftext|>" };
    return new FillTemplate(JSON.stringify({ ...named, eot_token: "<|endoftext|>" }), tokenizer);
  },
};

const chat = (fields: object = {}): Generation =>
  parseChat({ model: "tiny", messages: [{ role: "user", content: "Hi" }], ...fields }, () => 0);
const prompt = (value: unknown, fields: object = {}): Generation =>
  parseCompletion({ model: "tiny", prompt: value, ...fields }, () => 0);
const refused = (generation: Generation): OutriderError => {
  try {
    taskOf(generation, reader);
  } catch (error) {
    return error as OutriderError;
  }
  throw new Error("it was accepted");
};

describe("a prompt", () => {
  test("a chat goes through the template, a text is read with its special tokens, ids are taken as they are", () => {
    expect(taskOf(chat(), reader).prompt).toEqual(template.encode([{ role: "user", content: "Hi" }]));
    expect(taskOf(prompt("<|im_start|>user"), reader).prompt).toEqual(tokenizer.encodeMarkup("<|im_start|>user"));
    expect(taskOf(prompt([3, 4, 5]), reader).prompt).toEqual([3, 4, 5]);
  });

  test("a hole becomes the template's prompt, and ends where the template says, too", () => {
    const { prompt: ids, stopIds } = taskOf(prompt("a road", { suffix: "north" }), filling);
    // The line at the cursor stands behind the middle token.
    expect(ids).toEqual([1, 2, ...tokenizer.encode("north"), 0, ...tokenizer.encode("a road")]);
    const plain = taskOf(prompt("a road", { suffix: "north", outrider: { fill: "plain" } }), filling);
    expect(plain.prompt).toEqual([1, ...tokenizer.encode("a road"), 2, ...tokenizer.encode("north"), 0]);
    expect(stopIds).toEqual(new Set([...eosIds, 0]));
    expect(taskOf(prompt("a road"), filling).stopIds).toEqual(new Set(eosIds));
    expect(refused(prompt("a road", { suffix: "north" }))).toMatchObject({ code: "no_fill_in_the_middle" });
  });

  test("what ends an answer and how long it may be are the target's", () => {
    expect(taskOf(chat(), reader).stopIds).toEqual(new Set(header.target?.eosIds));
    const { prompt: ids, maxTokens } = taskOf(chat(), reader);
    expect(maxTokens).toBe(2048 - ids.length);
    expect(taskOf(chat({ max_tokens: 5 }), reader).maxTokens).toBe(5);
    expect(taskOf(chat({ max_tokens: 1e6 }), reader).maxTokens).toBe(2048 - ids.length);
  });

  test("the longest that fits leaves one token; one more names the limit", () => {
    expect(taskOf(prompt(Array(2047).fill(7)), reader).maxTokens).toBe(1);
    const error = refused(prompt(Array(2048).fill(7)));
    expect(error).toMatchObject({ code: "context_length_exceeded", status: 400, param: "prompt" });
    expect(error.message).toMatch(/2048 tokens; the model's context is 2048/);
  });

  test("ids outside the vocabulary are refused", () => {
    expect(taskOf(prompt([511]), reader).prompt).toEqual([511]);
    expect(refused(prompt([511, 512]))).toMatchObject({ code: "bad_token", status: 400, param: "prompt" });
  });
});
