/** No model is called by a name that a terminal, a log or a header would obey, wherever the name comes from. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { readPackHeader } from "../../src/core/format/pack-reader.ts";
import { modelId } from "../../src/core/model/model-id.ts";
import { readServedModel } from "../../src/origin/engines/served-model.ts";
import { originCommand } from "../../src/tools/commands/origin.ts";
import { importFile } from "../../src/tools/compress/import-file.ts";
import { parseRecipe } from "../../src/tools/compress/recipe.ts";
import { goldenBytes } from "../support/golden.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const home = mkdtempSync(path.join(tmpdir(), "outrider-names-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const at = (name: string) => path.join(home, name);

const NAMES = ["\u001b[31mred", "a\r\nset-cookie: b=c", "a\u0007", "a\u009b", "a\u202eb", "a\u2028b"];
const gguf = at("llama.gguf");
writeFileSync(gguf, goldenBytes("llama.gguf"));
const header = JSON.parse(readFileSync(path.join(TINY_PACKS.draft, "pack.json"), "utf8"));

function served(name: string): Promise<unknown> {
  const folder = mkdtempSync(at("served-"));
  for (const file of ["config.json", "tokenizer.json"])
    cpSync(path.join(TINY_PACKS.target, file), path.join(folder, file));
  writeFileSync(path.join(folder, "pack.json"), JSON.stringify({ model: name }));
  return readServedModel(folder);
}

/** Where a name may come from, and the code of the sentence. */
const SOURCES: Readonly<Record<string, { readonly code: string; take(name: string): unknown }>> = {
  "a file": { code: "bad_model_id", take: (name) => modelId(`${name}.gguf`) },
  "an import": { code: "bad_model_id", take: (name) => importFile(gguf, name, at("made")) },
  "origin --name": {
    code: "bad_model_id",
    take: (name) => originCommand.run(["--model", TINY_PACKS.target, "--port", "0", "--name", name]),
  },
  "a pack": { code: "bad_pack", take: (model) => readPackHeader(JSON.stringify({ ...header, model })) },
  "a draft's target": {
    code: "bad_pack",
    take: (model) => readPackHeader(JSON.stringify({ ...header, target: { ...header.target, model } })),
  },
  "a pack beside a server": { code: "bad_model", take: served },
  "a recipe": { code: "bad_recipe", take: (model) => parseRecipe({ model, stages: [] }, "recipe.ts") },
};

test.each(Object.entries(SOURCES))("%s cannot bring one", async (_, { code, take }) => {
  for (const name of NAMES) {
    const error = await (async () => take(name))().catch((error: unknown) => error);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
  }
});
