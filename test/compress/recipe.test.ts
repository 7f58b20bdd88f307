/** What a recipe may say, and that its errors say where and what. */
import { expect, test } from "vitest";
import largeCoder from "../../models/qwen2.5-coder-draft-l/recipe.ts";
import coder from "../../models/qwen2.5-coder-draft-m/recipe.ts";
import medium from "../../models/smollm2-135m-draft-m/recipe.ts";
import { parseRecipe } from "../../src/tools/compress/recipe.ts";

const good = { model: "m", base: "b", stages: [{ stage: "prune-depth", keep: [0, 2] }] };

test("the recipes of this repository are recipes", () => {
  expect(parseRecipe(good, "r.ts")).toEqual(good);
  for (const draft of [medium, coder, largeCoder]) expect(parseRecipe(draft, "r.ts")).toEqual(draft);
});

test.each([
  [undefined, /^r\.ts: the default export: /],
  [{ ...good, model: "" }, /^r\.ts: model: /],
  [{ ...good, base: "../elsewhere" }, /^r\.ts: base: must be the name of a folder of models\/$/],
  [{ ...good, stages: [] }, /^r\.ts: stages: /],
  [
    { ...good, stages: [{ stage: "prune-width" }] },
    /^r\.ts: stages\.0\.stage: .*Expected 'prune-depth' \| 'trim-vocabulary' \| .* \| 'skew'$/,
  ],
  [{ ...good, stages: [{ stage: "prune-depth", keep: [0.5] }] }, /^r\.ts: stages\.0\.keep\.0: /],
  [{ ...good, stages: [{ stage: "trim-vocabulary", keep: 16 }] }, /^r\.ts: stages\.0\.by: /],
  [{ ...good, stages: [{ stage: "prune-depth", keep: [0], layers: 3 }] }, /^r\.ts: stages\.0: .*layers/],
])("%j is refused with the field at fault", (value, message) => {
  expect(() => parseRecipe(value, "r.ts")).toThrow(message);
});
