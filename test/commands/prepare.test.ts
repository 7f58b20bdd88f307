/** The commands that make models, on the tiny one. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fileSha256 } from "../../src/core/platform/disk.ts";
import { importCommand } from "../../src/tools/commands/import.ts";
import { prepareCommand } from "../../src/tools/commands/prepare.ts";
import { squeezeCommand } from "../../src/tools/commands/squeeze.ts";
import { printed } from "../support/printed.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const GGUF = path.resolve(import.meta.dirname, "../../models/tiny/tiny.gguf");
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "cli-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("import makes a pack that names the file it came from, and says how large it is", async () => {
  const pack = path.join(directory, "pack");
  const line = await printed(() => importCommand.run([GGUF, pack]));
  const header = packHeader(pack);
  const checkedIn = packHeader(TINY_PACKS.target);
  expect(header.shards).toEqual(checkedIn.shards);
  expect(header.model).toBe("tiny");
  expect(header.recipe).toEqual([{ ...checkedIn.recipe[0], sha256: await fileSha256(GGUF) }]);
  expect(line).toMatch(/pack: tiny, 6 layers, 0\.2 MB$/);
});

test("squeeze puts the pack beside the recipe", async () => {
  cpSync(TINY_PACKS.target, path.join(directory, "tiny/pack"), { recursive: true });
  mkdirSync(path.join(directory, "draft"));
  const recipe = path.join(directory, "draft/recipe.ts");
  const stages = [{ stage: "prune-depth", keep: [0, 1, 4] }];
  writeFileSync(recipe, `export default ${JSON.stringify({ model: "tiny-draft", base: "tiny", stages })};`);
  await printed(() => squeezeCommand.run([recipe]));
  const made = readFileSync(path.join(directory, "draft/pack/pack.json"), "utf8");
  expect(made).toBe(readFileSync(path.join(TINY_PACKS.draft, "pack.json"), "utf8"));
});

test.each([
  [() => importCommand.run([GGUF]), "DIRECTORY is missing"],
  [() => importCommand.run([]), "CHECKPOINT and DIRECTORY are missing"],
  [() => squeezeCommand.run([]), "RECIPE is missing"],
  [() => prepareCommand.run(["now"]), 'unexpected "now"'],
  [() => squeezeCommand.run(["recipe.ts", "--model", "x"]), "recipe.ts: there is no such file"],
  [() => importCommand.run([path.join("nowhere", "x.gguf"), "pack"]), "there is no such file"],
])("wrong arguments are answered with what is right", async (run, message) => {
  await expect(run()).rejects.toThrow(message);
});
