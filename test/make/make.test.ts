/** A draft of the tiny model, all stages, with scripted Python: what is repeated, and what a stop loses. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeDraft } from "../../src/make/make.ts";
import type { DraftOptions } from "../../src/make/options.ts";
import { describeTarget } from "../../src/service/assets.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";
import { ScriptedPython } from "./scripted-python.ts";

let folder: string;
let python: ScriptedPython;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "outrider-make-"));
  python = new ScriptedPython();
  said = [];
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

async function options(more: Partial<DraftOptions> = {}): Promise<DraftOptions> {
  return {
    target: await describeTarget(TINY_PACKS.target),
    targetFile: TINY_PACKS.target,
    baseFile: TINY_PACKS.target,
    out: path.join(folder, "draft"),
    model: "tiny-taught",
    budget: 300_000,
    format: "lut4",
    blocks: [0, 1, 2, 4],
    mlp: undefined,
    head: 320,
    hours: 1,
    texts: [],
    prompts: [],
    asked: true,
    self: false,
    seed: 0,
    command: "npx outrider draft --target tiny",
    ...more,
  };
}

const make = async (more: Partial<DraftOptions> = {}) =>
  makeDraft(
    await options(more),
    { signal: new AbortController().signal, say: (line) => said.push(line) },
    async () => python,
  );

const programs = () => python.calls.map(({ program }) => program);

test("makes a pack in the shape that was asked for, its figures and its card", async () => {
  const made = await make({ blocks: 4 });
  expect(programs()).toEqual(["machine", "write", "distil", "distil"]);
  const { model, config, target, recipe } = packHeader(made.pack);
  expect({ model, target: target?.model }).toEqual({ model: "tiny-taught", target: "tiny" });
  expect(config).toMatchObject({ layers: 4, feedForward: 64, vocabulary: 320 });
  expect(recipe.map(({ stage }) => stage)).toContain("trim-vocabulary");
  expect(made.bytes).toBeLessThan(300_000);
  // Fifteen answers of sixty are held out, and every second of them until the draft is done.
  expect(made.figures?.acceptance).toMatchObject({ answers: 7, tokens: 84 });
  const card = readFileSync(path.join(folder, "draft/README.md"), "utf8");
  expect(card).toContain("npx outrider draft --target tiny");
  expect(card).toMatch(/\| blocks \| 4 of 6: \d, \d, \d, \d \|/);
  expect(card).toContain(made.figures?.served?.both.toFixed(2));
});

test("says what it will do and how long it takes before it does it", async () => {
  await make();
  const all = said.findIndex((line) => / in all\. Ctrl-C/.test(line));
  const first = said.findIndex((line) => line.startsWith("write-asked"));
  expect(said[0]).toMatch(/^tiny-taught: a draft of 0\.\d MB for tiny/);
  expect(all).toBeGreaterThan(0);
  expect(first).toBeGreaterThan(all);
  expect(said.join("\n")).toMatch(/4 of 6 blocks, 64 of 96 MLP channels, 320 of 512 tokens, lut4/);
});

test("the same call does nothing twice", async () => {
  const made = await make();
  python.calls.length = 0;
  expect(await make()).toEqual(made);
  expect(programs()).toEqual([]);
});

test("other options repeat only what follows from them", async () => {
  await make();
  python.calls.length = 0;
  await make({ format: "lut3" });
  expect(programs()).toEqual(["distil", "distil"]);
  expect(python.calls.at(-1)?.args).toEqual(expect.arrayContaining(["--quantise", "lut3"]));
});

test.each(["write", "distil"])("a stop in %s is gone on from with what it had", async (program) => {
  python.interrupts = program;
  await expect(make()).rejects.toMatchObject({ code: "stopped" });
  const text = path.join(folder, "draft/work/asked.jsonl");
  const before = readFileSync(text, "utf8");
  // Killed in the middle of a line.
  if (program === "write") writeFileSync(text, `${before}{"prompt": [1, 2`);
  python.calls.length = 0;
  await make();
  expect(programs()[0]).toBe(program);
  expect(readFileSync(text, "utf8").startsWith(before)).toBe(true);
  expect(programs()).not.toContain("machine");
});

test("teaches on text of the user's, once the target has judged it", async () => {
  const text = path.join(folder, "story.txt");
  writeFileSync(text, readFileSync(new URL("../../models/tiny/story.txt", import.meta.url)));
  await make({ texts: [text], asked: false, blocks: 4 });
  expect(programs()).toEqual(["machine", "teach", "distil", "distil"]);
  // None of it was asked for, so nothing is held out and nothing is measured.
  expect(readFileSync(path.join(folder, "draft/README.md"), "utf8")).toContain("nothing was measured");
});

test("a changed text is taken again", async () => {
  const text = path.join(folder, "story.txt");
  writeFileSync(text, "Once there was a rider. ".repeat(60));
  await make({ texts: [text] });
  python.calls.length = 0;
  writeFileSync(text, "Then there were two riders. ".repeat(60));
  await make({ texts: [text] });
  expect(programs()).toContain("teach");
});

test("blocks by name stay as they are named", async () => {
  const made = await make({ blocks: [0, 1, 4] });
  expect(packHeader(made.pack).config.layers).toBe(3);
  expect(readFileSync(path.join(folder, "draft/README.md"), "utf8")).toContain("| blocks | 3 of 6: 0, 1, 4 |");
});

test.each([
  [{ budget: 50_000 }, "budget_too_small", /too small: .* take 0\.\d\d MB/],
  [{ blocks: 9 }, "bad_shape", /9 blocks were asked for, and the model has 6/],
  [{ blocks: [4, 1] }, "bad_shape", /ascending/],
  [{ mlp: 96 }, "bad_shape", /multiple of 64 up to 64/],
  [{ head: 100 }, "bad_shape", /from 272/],
  [{ asked: false }, "no_text", /nothing to teach on/],
  [{ hours: 0.0001 }, "too_few_hours", /leave no time to teach/],
  [{ texts: ["nowhere.txt"] }, "not_found", /nowhere\.txt/],
] as const)("refuses %j", async (more, code, message) => {
  const refused = make(more as Partial<DraftOptions>);
  await expect(refused).rejects.toMatchObject({ code });
  await expect(refused).rejects.toThrow(message);
  expect(existsSync(path.join(folder, "draft/pack"))).toBe(false);
});
