/** What runs a target of an architecture that nothing here computes: an engine that does, without a draft. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runnable } from "../../src/tools/commands/engine.ts";
import { edgeModels } from "../../src/tools/commands/models.ts";
import { importFile } from "../../src/tools/compress/import-file.ts";
import { assembleEdge } from "../../src/tools/service/assets.ts";
import { writeForeignGguf } from "../support/f32-gguf.ts";

const home = mkdtempSync(path.join(tmpdir(), "outrider-foreign-"));
const file = path.join(home, "foreign.gguf");
beforeAll(() => writeForeignGguf(file));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const BY_NAME = 'architecture is "gemma"; models of llama, qwen2, qwen3 run here';

test("with --draft none llama.cpp serves it", async () => {
  const models = await edgeModels({ target: file, draft: "none" });
  expect(await runnable(models, undefined)).toEqual({ engine: "llama", file });
  const edge = await assembleEdge(models.target, models.draft, path.join(home, "assets"));
  expect(edge).toMatchObject({ model: "foreign", context: 2048, vocabulary: { size: 512 }, draft: null });
});

test("the wasm engine and import refuse it by name, with the next step", async () => {
  const models = await edgeModels({ target: file, draft: "none" });
  await expect(runnable(models, "wasm")).rejects.toMatchObject({
    code: "bad_option",
    message: expect.stringMatching(new RegExp(`${BY_NAME}.*use --engine llama`)),
  });
  await expect(importFile(file, "foreign", path.join(home, "pack"))).rejects.toMatchObject({
    code: "unsupported_model",
    message: expect.stringMatching(new RegExp(`${BY_NAME}.*--draft none`)),
  });
});
