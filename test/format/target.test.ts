/** What an edge knows of a target, from each kind of model: the same of a GGUF file and of a Hugging Face folder. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { edgeModelSchema } from "../../src/core/format/edge-model.ts";
import { ChatTemplate } from "../../src/core/model/chat.ts";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { vocabularyHash } from "../../src/core/model/tokenizer-files.ts";
import { assembleEdge, describeTarget } from "../../src/tools/service/assets.ts";
import { goldenJson } from "../support/golden.ts";
import { TINY_PACKS } from "../support/tiny.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "target-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const small = goldenJson("small_tokenizers.json").qwen2.tokenizer;
const TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";

/** A checkpoint of an architecture that nothing here computes, without weights. */
function checkpoint(files: Record<string, unknown>): string {
  const folder = path.join(directory, "Some-Model-7B");
  mkdirSync(folder);
  const all = {
    "config.json": { model_type: "qwen3_moe", max_position_embeddings: 4096, eos_token_id: 7 },
    "tokenizer.json": small,
    "tokenizer_config.json": {},
    ...files,
  };
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined) {
      writeFileSync(path.join(folder, name), typeof value === "string" ? value : JSON.stringify(value));
    }
  }
  return folder;
}

describe("a Hugging Face folder", () => {
  test("of any architecture has id, vocabulary, context, ends and template", async () => {
    const folder = checkpoint({
      "generation_config.json": { eos_token_id: [7, 9] },
      "chat_template.jinja": TEMPLATE,
    });
    const target = await describeTarget(folder);
    const size = Object.keys(small.model.vocab).length;
    // <|end|> is a special token of the tokenizer that is known to end answers.
    expect(target).toMatchObject({ model: "some-model-7b", vocabulary: { size }, context: 4096, stopIds: [7, 9, 0] });
    const tokenizer = openTokenizer(target.tokenizer["tokenizer.json"]);
    const template = new ChatTemplate(target.tokenizer["tokenizer_config.json"], tokenizer);
    expect(tokenizer.decode(template.encode([{ role: "user", content: "Hi" }]))).toBe("user: Hi\n");
  });

  test("of a model that also sees keeps its numbers one level down", async () => {
    const config = { model_type: "gemma3", text_config: { max_position_embeddings: 8192, eos_token_id: 3 } };
    expect(await describeTarget(checkpoint({ "config.json": config }))).toMatchObject({
      context: 8192,
      stopIds: [3, 0],
    });
  });

  test.each([
    ["without a context", { "config.json": {} }, "max_position_embeddings is missing"],
    [
      "with a tokenizer of another kind",
      { "tokenizer.json": { ...small, model: { type: "WordLevel", vocab: {} } } },
      "BPE",
    ],
    ["without a tokenizer", { "tokenizer.json": undefined }, "tokenizer.json: there is no such file"],
  ])("%s is refused", async (_, files, message) => {
    await expect(describeTarget(checkpoint(files))).rejects.toThrow(message);
  });
});

test("ids that only fill an embedding up do not count in a vocabulary's hash", async () => {
  const hash = await vocabularyHash(["a", "b"]);
  expect(await vocabularyHash(["a", "b", "[PAD2]", "[PAD3]"])).toBe(hash);
  expect(await vocabularyHash(["a", "b", null])).toBe(hash);
  expect(await vocabularyHash(["a", "b", "[PAD7]"])).not.toBe(hash);
  expect(await vocabularyHash(["a", null, "b"])).not.toBe(hash);
});

describe("the assets of an edge", () => {
  const files = (folder: string) =>
    ["model/target.json", "model/tokenizer.json", "index.html", "draft/pack.json", "draft/tokenizer.json"].filter(
      (file) => existsSync(path.join(folder, file)),
    );

  test("with a draft hold its weights, and the tokenizer once", async () => {
    const edge = await assembleEdge(await describeTarget(TINY_PACKS.target), TINY_PACKS.draft, directory);
    expect(edge).toMatchObject({ model: "tiny", context: 2048, stopIds: [2, 0], draft: "tiny-draft" });
    expect(edgeModelSchema.parse(edge)).toEqual(edge);
    expect(files(directory)).toEqual(["model/target.json", "model/tokenizer.json", "index.html", "draft/pack.json"]);
  });

  test("without one hold none, whatever was there before", async () => {
    const target = await describeTarget(TINY_PACKS.draft);
    await assembleEdge(target, TINY_PACKS.draft, directory, { examples: ["What is a road?"] });
    expect(JSON.parse(readFileSync(path.join(directory, "examples.json"), "utf8"))).toEqual(["What is a road?"]);
    expect((await assembleEdge(target, null, directory)).draft).toBeNull();
    expect(files(directory)).toEqual(["model/target.json", "model/tokenizer.json", "index.html"]);
  });
});
