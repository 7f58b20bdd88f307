/**
 * What a pack's header says of its draft and target: kept from recipe to pack and back, refused where it makes no
 * sense.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { writePack } from "../../src/core/format/pack.ts";
import { readPack, readPackHeader } from "../../src/core/format/pack-reader.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { runStages } from "../../src/tools/compress/pipeline.ts";
import { parseRecipe } from "../../src/tools/compress/recipe.ts";
import { TINY_PACKS } from "../support/tiny.ts";

test("a recipe's figures are in the pack that is made, written and read", async () => {
  const stages = [{ stage: "prune-depth", keep: [0, 1, 4] }];
  const drafting = { sigma: 0.7, copyConfidence: 0.9, copyWeight: 0.6 };
  const recipe = parseRecipe({ model: "tiny-draft", stages, drafting }, "recipe.ts");
  const made = await runStages(await readPack(openDirectory(TINY_PACKS.target)), recipe);
  const files = new Map<string, Uint8Array>();
  await writePack(made, { write: async (name, bytes) => void files.set(name, bytes) });
  const again = await readPack(async (name) => bytesSource(name, files.get(name)!));
  expect(again.drafting).toEqual(drafting);
});

test.each([
  [{ sigma: 0 }, "drafting.sigma"],
  [{ copyConfidence: 2 }, "drafting.copyConfidence"],
  [{ copyWeight: -1 }, "drafting.copyWeight"],
  [{ sgima: 1 }, "drafting"],
])("%j is refused", (drafting, message) => {
  const header = JSON.parse(readFileSync(`${TINY_PACKS.draft}/pack.json`, "utf8"));
  expect(() => readPackHeader(JSON.stringify({ ...header, drafting }))).toThrow(message);
});
