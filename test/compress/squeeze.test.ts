/** Making packs on disk: made once, left alone while they are what the recipe says, made again when they are not. */

import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { wholePack } from "../../src/core/platform/disk.ts";
import type { Recipe } from "../../src/tools/compress/recipe.ts";
import { squeezeModel } from "../../src/tools/compress/squeeze.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const RECIPE: Recipe = { model: "tiny-draft", stages: [{ stage: "prune-depth", keep: [0, 1, 4] }] };
const SHARD = "model-00001-of-00001.safetensors";
let directory: string;
let base: string;
let pack: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "pipeline-"));
  base = path.join(directory, "base");
  pack = path.join(directory, "pack");
  cpSync(TINY_PACKS.target, base, { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true }));

const writtenAt = () => statSync(path.join(pack, "pack.json"), { bigint: true }).mtimeNs;

test("makes the pack that is checked in", async () => {
  await squeezeModel({ model: base, recipe: RECIPE, out: pack });
  for (const file of ["pack.json", "config.json", SHARD]) {
    expect(readFileSync(path.join(pack, file)).equals(readFileSync(path.join(TINY_PACKS.draft, file)))).toBe(true);
  }
});

test("the header names the base as target, and for the draft of a draft the first draft's target", async () => {
  const stages: Recipe["stages"] = [{ stage: "quantise", tensors: "blocks", format: "q8" }];
  const made = await squeezeModel({ model: base, recipe: { ...RECIPE, stages }, out: pack });
  expect(made.target).toEqual({ model: "tiny", context: 2048, eosIds: [2, 0] });
  const twice = await squeezeModel({
    model: pack,
    recipe: { model: "smaller", stages },
    out: path.join(directory, "smaller"),
  });
  expect(twice.target).toEqual(made.target);
});

test("leaves a pack alone that is what the recipe says", async () => {
  const made = await squeezeModel({ model: base, recipe: RECIPE, out: pack });
  const before = writtenAt();
  expect(await squeezeModel({ model: base, recipe: RECIPE, out: pack })).toEqual(made);
  expect(writtenAt()).toBe(before);
});

test("the header says how the recipe has the pack draft, and another way makes it again", async () => {
  const drafting = { sigma: 0.8, keeping: "near:768" };
  const made = await squeezeModel({ model: base, recipe: { ...RECIPE, drafting }, out: pack });
  expect(made.drafting).toEqual(drafting);
  const other = await squeezeModel({ model: base, recipe: { ...RECIPE, drafting: { sigma: 1 } }, out: pack });
  expect(other.drafting).toEqual({ sigma: 1 });
});

test("makes it again when the recipe changed", async () => {
  await squeezeModel({ model: base, recipe: RECIPE, out: pack });
  const header = await squeezeModel({
    model: base,
    recipe: { ...RECIPE, stages: [{ stage: "prune-depth", keep: [0, 1] }] },
    out: pack,
  });
  expect(header.config.layers).toBe(2);
  expect(await wholePack(pack)).toEqual(header);
});

test("makes it again when a byte of it changed, or its end is missing", async () => {
  const made = await squeezeModel({ model: base, recipe: RECIPE, out: pack });
  const shard = path.join(pack, SHARD);
  const bytes = readFileSync(shard);
  writeFileSync(shard, bytes.with(5000, bytes[5000]! ^ 1));
  expect(await wholePack(pack)).toBeUndefined();
  expect(await squeezeModel({ model: base, recipe: RECIPE, out: pack })).toEqual(made);
  expect(readFileSync(shard).equals(bytes)).toBe(true);
  truncateSync(shard, bytes.length - 1);
  expect(await wholePack(pack)).toBeUndefined();
  await squeezeModel({ model: base, recipe: RECIPE, out: pack });
  expect(readFileSync(shard).equals(bytes)).toBe(true);
});

test("a base that is not there is named", async () => {
  await expect(squeezeModel({ model: path.join(directory, "nowhere"), recipe: RECIPE, out: pack })).rejects.toThrow(
    /nowhere: neither a .gguf file nor a directory with pack.json/,
  );
});
