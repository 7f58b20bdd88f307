/** The commands that make models, on the tiny one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { importCommand, prepare, prepareCommand, squeezeCommand } from "../../src/commands/prepare.ts";
import { fileSha256 } from "../../src/obtain/store.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const GGUF = path.resolve(import.meta.dirname, "../../models/tiny/tiny.gguf");
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "cli-"));
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => rmSync(directory, { recursive: true }));

test("import makes a pack that names the file it came from, and says how large it is", async () => {
  const pack = path.join(directory, "pack");
  await importCommand([GGUF, pack]);
  const header = packHeader(pack);
  const checkedIn = packHeader(TINY_PACKS.target);
  expect(header.shards).toEqual(checkedIn.shards);
  expect(header.model).toBe("tiny");
  expect(header.recipe).toEqual([{ ...checkedIn.recipe[0], sha256: await fileSha256(GGUF) }]);
  expect(console.error).toHaveBeenCalledWith(expect.stringMatching(/pack: tiny, 6 layers, 0\.2 MB$/));
});

test("import takes the model's id", async () => {
  await importCommand([GGUF, path.join(directory, "pack"), "--model", "other"]);
  expect(packHeader(path.join(directory, "pack")).model).toBe("other");
});

test("squeeze puts the pack beside the recipe", async () => {
  const recipe = path.join(directory, "recipe.ts");
  const stages = [{ stage: "prune-depth", keep: [0, 1, 4] }];
  writeFileSync(recipe, `export default ${JSON.stringify({ model: "tiny-draft", base: "tiny", stages })};`);
  await squeezeCommand([recipe]);
  const made = readFileSync(path.join(directory, "pack", "pack.json"), "utf8");
  expect(made).toBe(readFileSync(path.join(TINY_PACKS.draft, "pack.json"), "utf8"));
});

test.each([
  [() => importCommand([GGUF]), "usage: outrider import FILE.gguf DIRECTORY"],
  [() => squeezeCommand([]), "usage: outrider squeeze models/NAME/recipe.ts"],
  [() => prepareCommand(["now"]), "usage: outrider prepare"],
  [() => prepare("nowhere/pack"), "nowhere/pack is missing or damaged"],
  [() => prepare(TINY_PACKS.draft), "drafts for tiny, and the target is smollm2-135m-instruct"],
  [() => squeezeCommand(["recipe.ts", "--model", "x"]), "usage: outrider squeeze"],
  [() => importCommand([path.join("nowhere", "x.gguf"), "pack"]), "there is no such file"],
])("wrong arguments are answered with what is right", async (run, message) => {
  await expect(run()).rejects.toThrow(message);
});
