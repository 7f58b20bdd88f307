/** `outrider report` on tiny packs: the page loads nothing, holds the figures, and what it says of blocks is so. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PackedModel } from "../../src/core/format/pack.ts";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { evalCommand } from "../../src/tools/commands/eval.ts";
import { reportCommand } from "../../src/tools/commands/report.ts";
import { Calibrator } from "../../src/tools/compress/calibrate/calibrator.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { runStages } from "../../src/tools/compress/pipeline.ts";
import { packable, replacePack } from "../../src/tools/compress/rounding/packable.ts";
import { pruneWidth } from "../../src/tools/compress/stages/prune-width.ts";
import { figureTable } from "../../src/tools/evaluate/columns.ts";
import type { Figures } from "../../src/tools/evaluate/figures.ts";
import { analyse } from "../../src/tools/report/analysis.ts";
import { bytesByKind } from "../../src/tools/report/contents.ts";
import { shortNames } from "../../src/tools/report/names.ts";
import { blockOrigins } from "../../src/tools/report/origins.ts";
import { paretoFront } from "../../src/tools/report/pareto-front.ts";
import { textOf } from "../support/calibration.ts";
import { printed } from "../support/printed.ts";
import { seeded } from "../support/random.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { withoutTokens } from "../support/trimmed.ts";

const STORY = fileURLToPath(new URL("../../models/tiny/story.txt", import.meta.url));
const directory = mkdtempSync(path.join(tmpdir(), "outrider-report-"));
const original = await readPack(openDirectory(TINY_PACKS.target));
const random = seeded(5);
const windows = Array.from({ length: 2 }, () => Array.from({ length: 20 }, () => Math.floor(random() * 512)));
const pool = await Pool.open(2);
afterAll(async () => {
  await pool[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const prune = { stage: "magnitude", pattern: { per: "row", sparsity: 0.5 } } as const;
const half = await runStages(
  original,
  { model: "half", stages: [prune, { stage: "prune-depth", keep: [0, 2, 5] }] },
  new Calibrator(pool, textOf(windows)),
);

/** Blocks 1 and 4 with fewer channels; 96 of the others are more than the 64 that are a unit. */
const narrow = pruneWidth(
  original,
  Array.from({ length: 6 }, (_, layer) => ({
    kvHeads: [0, 1],
    channels: Array.from({ length: layer % 3 === 1 ? 40 : 96 }, (_, n) => n),
  })),
);

const valuesOf = (model: PackedModel, name: string): number[] => {
  const tensor = model.tensors.get(name)!;
  return [...decodeTensor(tensor, tensor.bytes)];
};

describe("what a block lost", () => {
  test("is how far each matrix is from the one it was", () => {
    const { blocks, zeros } = analyse(half, original);
    expect(blocks!.map(({ origin }) => origin)).toEqual([0, 2, 5]);
    for (const [layer, { origin, errors }] of blocks!.entries()) {
      expect(errors!.size).toBe(7);
      for (const [suffix, error] of errors!) {
        const theirs = valuesOf(original, `model.layers.${origin}.${suffix}`);
        const ours = valuesOf(half, `model.layers.${layer}.${suffix}`);
        const apart = Math.hypot(...ours.map((value, i) => value - theirs[i]!));
        expect(error).toBeCloseTo(apart / Math.hypot(...theirs), 6);
      }
    }
    expect(zeros).toBeCloseTo(0.5, 2);
  });

  test("is not compared where a block has another shape", () => {
    const { blocks } = analyse(narrow, original);
    expect(blocks!.map(({ errors }) => errors !== undefined)).toEqual([true, false, true, true, false, true]);
  });

  test("is unknown where norms do not tell blocks apart", () => {
    const strange = new Map(half.tensors);
    const name = "model.layers.1.input_layernorm.weight";
    strange.set(name, { ...strange.get(name)!, bytes: strange.get(name)!.bytes.map((byte) => byte ^ 1) });
    expect(blockOrigins({ ...half, tensors: strange }, original)).toBeUndefined();
  });
});

test("the front is what nothing smaller is as good as", () => {
  const values = seeded(2);
  const points = Array.from({ length: 60 }, () => ({
    size: Math.round(20 * values()),
    value: Math.round(20 * values()),
  }));
  for (const better of [1, -1] as const) {
    const front = paretoFront(points, better);
    const surpassed = (point: (typeof points)[number]) =>
      points.some(
        (other) =>
          other.size <= point.size &&
          better * (other.value - point.value) >= 0 &&
          (other.size < point.size || other.value !== point.value),
      );
    const best = new Set(points.filter((point) => !surpassed(point)).map(({ size, value }) => `${size} ${value}`));
    expect(new Set(front.map(({ size, value }) => `${size} ${value}`))).toEqual(best);
    expect(front).toHaveLength(best.size);
  }
});

test("names are as short as they can be told apart", () => {
  expect(shortNames(["packs/wanda-50", "models/x/pack", "a.gguf", "/b/c/pack/"])).toEqual([
    "wanda-50",
    "x",
    "a.gguf",
    "c",
  ]);
  expect(shortNames(["one/wanda", "two/wanda", "gptq"])).toEqual(["one/wanda", "two/wanda", "gptq"]);
});

describe("the page", () => {
  const packs = ["half", "narrow", "trimmed"].map((name) => path.join(directory, name));
  const lines = path.join(directory, "figures.jsonl");
  const out = path.join(directory, "report.html");
  let figures: Figures[];
  let html: string;
  let said: string;

  beforeAll(async () => {
    const [first, second, third] = packs as [string, string, string];
    await replacePack(half, first);
    await replacePack({ ...narrow, model: "<narrow>&" }, second);
    await replacePack(withoutTokens(half, 400), third);
    const answers = path.join(directory, "answers.jsonl");
    writeFileSync(answers, windows.map((answer) => JSON.stringify({ prompt: [1, 2], answer })).join("\n"));
    const on = ["--text", STORY, "--windows", "0..1", "--length", "24", "--answers", answers];
    const argv = [...packs, TINY_PACKS.target, ...on, "--against", TINY_PACKS.target, "--json", "--no-speed"];
    const text = await printed(() => evalCommand.run(argv));
    figures = text.split("\n").map((line) => JSON.parse(line));
    // The last line of a pack is the one that counts.
    writeFileSync(lines, `${JSON.stringify({ ...figures[0], perplexity: 123456 })}\n${text}\n`);
    said = await printed(() => reportCommand.run([lines, "--against", TINY_PACKS.target, "--out", out]));
    html = readFileSync(out, "utf8");
  });

  test("loads nothing and is whole", () => {
    expect(html).not.toMatch(/<script|<link|<img|\bsrc=|\bhref=|url\(|@import|https?:/);
    expect(html).not.toMatch(/NaN|Infinity|undefined|123456/);
    expect(html.match(/<svg/g)).toHaveLength(html.match(/<\/svg>/g)!.length);
    expect(said).toBe(`${out}: 4 packs`);
    expect(html).toContain("4 packs of tiny");
    expect(html).toContain("Figures on windows 0..1 of 24 tokens of story.txt");
  });

  test("has every figure in its table, by size", () => {
    const rows = [...html.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row]) =>
      [...row!.matchAll(/<t[hd]>(.*?)<\/t[hd]>/g)].map(([, cell]) => cell),
    );
    const sorted = [...figures].sort((a, b) => a.bytes - b.bytes);
    const expected = figureTable(
      sorted.map((each, n) => ({ ...each, pack: shortNames(sorted.map(({ pack }) => pack))[n]! })),
    );
    expect(rows[0]!.slice(0, -1)).toEqual(expected.heads);
    expect(rows.slice(1, 5).map((row) => row.slice(0, -1))).toEqual(expected.rows);
    // The smallest of all is on every front that it has a figure for.
    expect(rows[1]!.at(-1)).toBe("A A* T");
    expect(html).toContain("Without this figure: trimmed.");
    expect(rows.slice(6).map((row) => [row[0], row[1], row[4], row[6]])).toEqual([
      ["trimmed", "3 of 6", "288 of 576", "112 of 512"],
      ["half", "3 of 6", "288 of 576", "–"],
      ["tiny", "–", "–", "–"],
      ["narrow", "–", "64 of 576", "–"],
    ]);
  });

  test("draws each pack in each plot, its bytes by kind, and its blocks", () => {
    const titles = [...html.matchAll(/<title>(.*?)<\/title>/g)].map(([, title]) => title!);
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(2);
    for (const [name, model] of [
      ["half", half],
      ["narrow", narrow],
    ] as const) {
      expect(titles.filter((title) => title.startsWith(`${name}: `))).toHaveLength(4);
      for (const [kind, bytes] of Object.entries(bytesByKind(packable(model)))) {
        expect(titles).toContain(`${name}, ${kind}: ${megabytes(bytes)} MB`);
      }
    }
    expect(titles.filter((title) => title === "block 1: removed")).toHaveLength(2);
    expect(titles.filter((title) => title === "block 4: another shape, not compared")).toHaveLength(1);
    // half and trimmed have three blocks, narrow four that are compared, tiny six; the last two none that changed.
    expect(titles.filter((title) => /^block \d, \w+: error [\d.]+ %$/.test(title))).toHaveLength(7 * 16);
    expect(html).toContain("2 of 6 blocks have another shape");
  });

  test("of one pack says that it is one", async () => {
    const first = path.join(directory, "first.jsonl");
    writeFileSync(first, readFileSync(lines, "utf8").split("\n")[0]!);
    const argv = [first, "--against", TINY_PACKS.target, "--out", out];
    expect(await printed(() => reportCommand.run(argv))).toBe(`${out}: 1 pack`);
  });

  test.each<[string, () => string[]]>([
    ["--against is missing", () => [lines, "--out", out]],
    ["--against and --out are missing", () => ["/nope"]],
    ["FIGURES.jsonl is missing", () => ["--against", TINY_PACKS.target, "--out", out]],
    [
      "line 1: these are no figures",
      () => [path.join(directory, "answers.jsonl"), "--against", TINY_PACKS.target, "--out", out],
    ],
    ["there is no such file", () => ["nowhere.jsonl", "--against", TINY_PACKS.target, "--out", out]],
    ["--out cannot be written", () => [lines, "--against", TINY_PACKS.target, "--out", "/no/such/place.html"]],
  ])("refuses: %s", async (message, argv) => {
    await expect(printed(() => reportCommand.run(argv()))).rejects.toThrow(message);
  });
});
