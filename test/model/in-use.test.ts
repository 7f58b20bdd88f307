/**
 * The rule of CONTRIBUTING that can be read off the tree: a weight format, what a draft may be taught in, and a stage of a
 * recipe exist because a pack of this repository has them, a recipe of a paper makes them, or a page tells a user of them.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readPackHeader } from "../../src/core/format/pack-reader.ts";
import { BLOCK_FORMATS } from "../../src/core/model/formats.ts";
import { PACKAGE } from "../../src/core/platform/places.ts";
import { STAGE_NAMES } from "../../src/tools/compress/pipeline.ts";
import { RECIPES } from "../../src/tools/compress/recipes.ts";
import { DRAFT_FORMATS } from "../../src/tools/make/shape.ts";

const read = (file: string): string => readFileSync(join(PACKAGE, file), "utf8");
const packs = globSync("models/*/*/pack.json", { cwd: PACKAGE }).map((file) => readPackHeader(read(file)));
const stages = Object.values(RECIPES).flatMap((recipe) => recipe.stages);

/** SqueezeLLM's codebooks: a format for each width. */
const CODEBOOKS = { 3: "lut3", 4: "lut4" } as const;

test("every weight format is one of a pack, or one that a named recipe makes", () => {
  const inPacks = packs.flatMap(({ tensors }) => Object.values(tensors).map(({ format }) => format));
  const made = stages.flatMap((stage) => (stage.stage === "squeezellm" ? [CODEBOOKS[stage.bits]] : []));
  const used = new Set<string>([...inPacks, ...made]);
  expect(BLOCK_FORMATS.filter((format) => !used.has(format))).toEqual([]);
});

test("a draft is taught in what a pack of this repository has", () => {
  const blocks = packs.map(({ recipe }) =>
    recipe.find(({ stage, tensors }) => stage === "quantise" && tensors === "blocks"),
  );
  const taught = blocks.map((stage) => JSON.stringify([stage?.format, stage?.values, stage?.down]));
  const unused = Object.entries(DRAFT_FORMATS).filter(([, { blocks: formats }]) => {
    const { format, values, down } = formats as { format: string; values?: string; down?: string };
    return !taught.includes(JSON.stringify([format, values, down]));
  });
  expect(unused).toEqual([]);
});

test("every stage is one of a named recipe or a pack, or a page says when to use it", () => {
  const pages = globSync(["docs/*/[!l]*.md", "models/*/README.md"], { cwd: PACKAGE });
  const text = pages.map(read).join("\n");
  const used = new Set<unknown>([...stages, ...packs.flatMap(({ recipe }) => recipe)].map(({ stage }) => stage));
  expect(STAGE_NAMES.filter((name) => !used.has(name) && !text.includes(`stage: "${name}"`))).toEqual([]);
});
