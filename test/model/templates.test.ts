/**
 * Chat templates in the manner of Qwen2.5, Qwen3, Llama 3 and Mistral, defaults included, against transformers'
 * rendering (test/golden/make_templates.py).
 */
import { describe, expect, test } from "vitest";
import { readGgufMetadata } from "../../src/core/format/gguf.ts";
import { tokenizerFiles } from "../../src/core/format/gguf-tokenizer.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { type ChatMessage, ChatTemplate } from "../../src/core/model/chat.ts";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { goldenBytes, goldenJson } from "../support/golden.ts";

const { chats, families } = goldenJson("templates.json") as {
  chats: ChatMessage[][];
  families: { name: string; template: string; specials: string[]; texts: (string | null)[] }[];
};

const metadata = await readGgufMetadata(bytesSource("llama.gguf", goldenBytes("llama.gguf")));
const plain = JSON.parse(tokenizerFiles("llama.gguf", metadata)["tokenizer.json"]);

describe.each(families)("$name", ({ template: source, specials, texts }) => {
  const added_tokens = specials.map((content, n) => ({ id: 263 + n, content, special: true }));
  const tokenizer = new Tokenizer(JSON.stringify({ ...plain, added_tokens }));
  const config = { chat_template: source, bos_token: specials[0], eos_token: specials.at(-1) };
  const template = new ChatTemplate(JSON.stringify(config), tokenizer);

  test.each(chats.map((messages, n) => [JSON.stringify(messages), messages, texts[n]] as const))(
    "%s",
    (_, messages, text) => {
      if (text == null) {
        expect(() => template.encode(messages)).toThrow(expect.objectContaining({ code: "bad_messages" }));
        return;
      }
      expect(template.encode(messages)).toEqual(tokenizer.encodeMarkup(text));
    },
  );

  test("some chats are rendered", () => {
    expect(texts.filter((text) => text != null).length).toBeGreaterThan(6);
  });
});
