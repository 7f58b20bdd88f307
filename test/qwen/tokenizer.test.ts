/**
 * Qwen2.5's tokenizer and chat template out of its GGUF file, against tokenizers and transformers
 * (test/golden/make_qwen2.py) and against llama.cpp itself.
 */
import { expect, test } from "vitest";
import { ChatTemplate } from "../../src/core/model/chat.ts";
import { openTokenizer, Tokenizer } from "../../src/core/model/tokenizer.ts";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { describeTarget } from "../../src/tools/service/assets.ts";
import { bytesKept } from "../support/bytes-kept.ts";
import { goldenJson } from "../support/golden.ts";
import { QWEN_GGUF } from "./gguf-file.ts";

const { strings, chats } = goldenJson("tokenizer.json") as {
  strings: { text: string }[];
  chats: { messages: { role: string; content: string }[] }[];
};
const golden = goldenJson("qwen2.json") as { strings: number[][]; chats: number[][] };

const target = await describeTarget(QWEN_GGUF);
const tokenizer = openTokenizer(target.tokenizer["tokenizer.json"]);
const template = new ChatTemplate(target.tokenizer["tokenizer_config.json"], tokenizer);

test(`${strings.length} strings as the tokenizers package reads them`, () => {
  for (const [n, { text }] of strings.entries()) expect(tokenizer.encode(text), text).toEqual(golden.strings[n]);
});

test(`${chats.length} chats as transformers renders them`, () => {
  for (const [n, { messages }] of chats.entries()) {
    expect(template.encode(messages), JSON.stringify(messages)).toEqual(golden.chats[n]);
  }
});

test("both ends of an answer are known", () => {
  const ends = ["<|im_end|>", "<|endoftext|>"].map((text) => tokenizer.specialId(text));
  expect(new Set(target.stopIds)).toEqual(new Set(ends));
});

test("llama.cpp reads the strings as we do, but for NFC, which it leaves out", async () => {
  const library = (await findLlamaLibrary()) as unknown as {
    getLlama(options: object): Promise<{
      loadModel(
        options: object,
      ): Promise<{ tokenize(text: string, special: boolean): number[]; dispose(): Promise<void> }>;
      dispose(): Promise<void>;
    }>;
  };
  const llama = await library.getLlama({ gpu: false, build: "never", logLevel: "error" });
  const model = await llama.loadModel({ modelPath: QWEN_GGUF, vocabOnly: true });
  const composed = strings.filter(({ text }) => text === text.normalize("NFC") && text !== "");
  expect(composed.length).toBeGreaterThan(350);
  const wrong = composed.filter(({ text }) => `${model.tokenize(text, false)}` !== `${tokenizer.encode(text)}`);
  await model.dispose();
  await llama.dispose();
  expect(wrong.map(({ text }) => text)).toEqual([]);
});

test("the tokenizer of 151,936 tokens keeps at most 15 MB", () => {
  const { made: another, bytes } = bytesKept(() => new Tokenizer(target.tokenizer["tokenizer.json"]));
  expect(another.encode("hello")).toEqual(tokenizer.encode("hello"));
  console.log(`tokenizer: ${(bytes / 1e6).toFixed(1)} MB`);
  expect(bytes).toBeLessThan(15e6);
});
