/** The stages that change formats: what becomes of the tiny model's tensors, and that the result runs. */

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readPack } from "../../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../../src/core/model/decode.ts";
import { EMBEDDING } from "../../../src/core/model/tensors.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import { runStages } from "../../../src/tools/compress/pipeline.ts";
import type { Stage } from "../../../src/tools/compress/recipe.ts";
import { replacePack } from "../../../src/tools/compress/rounding/packable.ts";
import { loadPack, TINY_PACKS } from "../../support/tiny.ts";

const base = await readPack(openDirectory(TINY_PACKS.target));
// 128 × 64: codebooks need columns in multiples of 64, and the tiny model's down projections have 96.
const Q = "model.layers.0.self_attn.q_proj.weight";

/** Root mean square of what rounding changed, over that of the weights. */
async function relativeError(stages: readonly Stage[], name: string): Promise<number> {
  const narrow = new Map([...base.tensors].filter(([tensor]) => !tensor.includes("down_proj")));
  const all = await runStages({ ...base, tensors: narrow }, { model: "made", stages });
  const made = all.tensors.get(name)!;
  const before = decodeTensor(base.tensors.get(name)!, base.tensors.get(name)!.bytes);
  const after = decodeTensor(made, made.bytes);
  const sum = (of: (at: number) => number) => before.reduce((total, _, at) => total + of(at) ** 2, 0);
  return Math.sqrt(sum((at) => after[at]! - before[at]!) / sum((at) => before[at]!));
}

const blocks = { stage: "quantise", tensors: "blocks" } as const;

test("fewer bits cost more error", async () => {
  const error = (stage: Omit<Extract<Stage, { stage: "quantise" }>, "stage" | "tensors">) =>
    relativeError([{ ...blocks, ...stage }], Q);
  expect(await error({ format: "q8" })).toBeLessThan(0.01);
  expect(await error({ format: "lut4" })).toBeLessThan(0.15);
  expect(await error({ format: "lut3" })).toBeLessThan(0.3);
  expect(await error({ format: "q2had" })).toBeLessThan(0.6);
});

test("only the chosen tensors change, and the recipe says what was done", async () => {
  const stages: Stage[] = [
    { stage: "quantise", tensors: "vocabulary", format: "lut4" },
    { stage: "activations", bits: 8 },
  ];
  const made = await runStages(base, { model: "made", stages });
  expect(made.tensors.get(EMBEDDING)).toMatchObject({ format: "lut4", rows: 512, cols: 64 });
  expect(made.tensors.get(Q)).toBe(base.tensors.get(Q));
  expect(made.activations).toBe(8);
  expect(made.recipe.slice(-2)).toEqual(stages);
});

test("down projections and values may have formats of their own", async () => {
  const made = await runStages(base, {
    model: "made",
    stages: [{ ...blocks, format: "q8", down: "q4u", values: "lut4" }],
  });
  const formats = (part: string) =>
    new Set([...made.tensors].filter(([name]) => name.includes(part)).map(([, { format }]) => format));
  expect(formats("down_proj")).toEqual(new Set(["q4u"]));
  expect(formats("up_proj")).toEqual(new Set(["q8"]));
  expect(formats("q_proj.weight")).toEqual(new Set(["q8"]));
  expect(formats("k_proj.weight")).toEqual(new Set(["q8"]));
  expect(formats("v_proj.weight")).toEqual(new Set(["lut4"]));
  for (const own of [{ down: "q4u" }, { values: "q4u" }] as const) {
    const stages: Stage[] = [{ stage: "quantise", tensors: "vocabulary", format: "q8", ...own }];
    await expect(runStages(base, { model: "made", stages })).rejects.toThrow(
      "have no down projections and no values; leave out down and values",
    );
  }
});

describe("a model of all formats together", () => {
  test("survives writing and reading, runs, and still says mostly what it said", async () => {
    const stages: Stage[] = [
      { ...blocks, format: "q8" },
      { stage: "quantise", tensors: "vocabulary", format: "q8" },
      { stage: "activations", bits: 8 },
    ];
    const directory = await mkdtemp(path.join(tmpdir(), "outrider-"));
    await replacePack(await runStages(base, { model: "made", stages }), directory);
    const [before, after] = [await loadPack(TINY_PACKS.target, 2, 1), await loadPack(directory, 2, 1)];
    const top = (llama: typeof before) => {
      const cache = llama.newCache();
      return Array.from({ length: 40 }, (_, n) => {
        llama.forward(cache, [3 + ((n * 31) % 500)], 1);
        return llama.argmax(0);
      });
    };
    const [said, says] = [top(before), top(after)];
    expect(said.filter((token, n) => token === says[n]).length).toBeGreaterThanOrEqual(36);
  });
});
