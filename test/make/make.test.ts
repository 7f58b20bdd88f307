/** A draft of the tiny model, all stages, with scripted Python: what is repeated, and what a stop loses. */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { makeDraft } from "../../src/tools/make/make.ts";
import type { DraftOptions } from "../../src/tools/make/options.ts";
import { describeTarget } from "../../src/tools/service/assets.ts";
import { writeProject } from "../support/project.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";
import { type Call, ScriptedPython } from "./scripted-python.ts";

let folder: string;
let python: ScriptedPython;
let said: string[];

/** Tests of a describe share a folder, because a draft takes seconds. */
const sharedFolder = () => {
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "outrider-make-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
};

beforeEach(() => {
  python = new ScriptedPython();
  said = [];
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
});
afterEach(() => {
  vi.restoreAllMocks();
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
    heads: 2,
    mlp: undefined,
    head: 320,
    hours: 1,
    rate: undefined,
    texts: [],
    prompts: [],
    questions: "general",
    self: false,
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

const story = readFileSync(new URL("../../models/tiny/story.txt", import.meta.url), "utf8");

describe("a draft", () => {
  sharedFolder();

  test("is a pack in the shape that was asked for, with its figures and its card", async () => {
    const made = await make();
    expect(programs()).toEqual(["machine", "write", "cut", "distil", "cut", "distil"]);
    // Rounded weights learn from what they were rounded from.
    const [adapters, taught] = python.calls.filter(({ program }) => program === "distil");
    const of = ({ args }: Call, name: string) => args[args.indexOf(name) + 1];
    expect(adapters!.args).not.toContain("--teacher");
    expect(of(taught!, "--teacher")).toBe(of(adapters!, "--out"));

    const { model, config, target, recipe } = packHeader(made.pack);
    expect({ model, target: target?.model }).toEqual({ model: "tiny-taught", target: "tiny" });
    expect(config).toMatchObject({ layers: 4, heads: 2, feedForward: 64, vocabulary: 320 });
    expect(recipe.map(({ stage }) => stage)).toContain("trim-vocabulary");
    expect(made.bytes).toBeLessThan(300_000);
    // Fifteen answers of sixty are held out, and every second of them until the draft is done.
    expect(made.figures?.acceptance).toMatchObject({ answers: 8, tokens: 96 });
    const card = readFileSync(path.join(folder, "draft/README.md"), "utf8");
    expect(card).toContain("npx outrider draft --target tiny");
    expect(card).toContain(
      "| blocks | 4 of 6: 0, 1, 2, 4 |\n| heads of queries | 2 of 4 |\n| MLP channels | 64 of 96 |",
    );
    expect(card).toContain(made.figures?.served?.both.toFixed(2));

    // It said what it would do, and how long that takes, before it did it.
    const all = said.findIndex((line) => / in all\. Ctrl-C/.test(line));
    expect(said[0]).toMatch(/^tiny-taught: a draft of 0\.\d MB for tiny/);
    expect(all).toBeGreaterThan(0);
    expect(said.findIndex((line) => line.startsWith("write-asked"))).toBeGreaterThan(all);
    expect(said.join("\n")).toMatch(/4 of 6 blocks, 2 of 4 heads, 64 of 96 MLP channels, 320 of 512 tokens, lut4/);
  });

  test("is not made twice by the same call", async () => {
    const made = await make();
    expect(programs()).toEqual([]);
    expect(made.figures?.acceptance?.answers).toBe(8);
  });

  test("is not made while another process makes it", async () => {
    const lock = path.join(folder, "draft/work/lock");
    writeFileSync(lock, `${process.ppid}`);
    await expect(make()).rejects.toMatchObject({ code: "busy" });
    expect(programs()).toEqual([]);
    rmSync(lock);
    await make();
    expect(existsSync(lock)).toBe(false);
  });

  test("is made again from where other options change it", async () => {
    await make({ format: "q2had+q3had" });
    // The adapters were in floats.
    expect(programs()).toEqual(["cut", "distil"]);
    for (const { args } of python.calls) expect(args).toEqual(expect.arrayContaining(["--quantise", "q2had+q3had"]));
  });

  test("is taught again at another rate", async () => {
    await make({ format: "q2had+q3had", rate: 2e-4 });
    expect(programs()).toEqual(["distil"]);
    const args = python.calls[0]!.args;
    expect(args[args.indexOf("--rate") + 1]).toBe("0.0002");
  });
});

describe("a draft that is stopped", () => {
  sharedFolder();
  const text = () => path.join(folder, "draft/work/asked.jsonl");
  let before: string;

  test("while the target writes keeps what it wrote", async () => {
    python.interrupts = "write";
    await expect(make()).rejects.toMatchObject({ code: "stopped" });
    before = readFileSync(text(), "utf8");
    // As if it had been killed in the middle of a line.
    appendFileSync(text(), '{"prompt": [1, 2');
  });

  test("goes on with what it had, and can be stopped again", async () => {
    python.interrupts = "distil";
    await expect(make()).rejects.toMatchObject({ code: "stopped" });
    expect(programs()).toEqual(["write", "cut", "distil"]);
    expect(readFileSync(text(), "utf8").startsWith(before)).toBe(true);
  });

  test("goes on with its teaching", async () => {
    await make();
    expect(programs()).toEqual(["distil", "cut", "distil"]);
  });
});

describe("text of the user's", () => {
  sharedFolder();
  const given = (): Partial<DraftOptions> => ({
    texts: [path.join(folder, "story.txt")],
    questions: "none",
    blocks: 4,
  });

  test("is taught once the target has judged it, and chooses the blocks", async () => {
    writeFileSync(path.join(folder, "story.txt"), story);
    await make(given());
    expect(programs()).toEqual(["machine", "teach", "cut", "distil", "cut", "distil"]);
    // None of it was asked for, so nothing is held out and nothing is measured.
    const card = readFileSync(path.join(folder, "draft/README.md"), "utf8");
    expect(card).toContain("nothing was measured");
    expect(card).toMatch(/\| blocks \| 4 of 6: \d, \d, \d, \d \|/);
  });

  test("is taken again when it has changed", async () => {
    writeFileSync(path.join(folder, "story.txt"), story.slice(200));
    python.interrupts = "teach";
    await expect(make(given())).rejects.toMatchObject({ code: "stopped" });
    expect(programs()).toEqual(["teach"]);
  });
});

describe("a project of the user's", () => {
  sharedFolder();
  const given = (): Partial<DraftOptions> => ({ texts: [path.join(folder, "shop")], questions: "code" });
  const lines = (name: string) =>
    readFileSync(path.join(folder, "draft/work", name), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));

  test("is taught, and the target is asked about its functions", async () => {
    writeProject(path.join(folder, "shop"));
    await make(given());
    expect(programs()).toEqual(["machine", "write", "teach", "cut", "distil", "cut", "distil"]);
    const pieces = lines("given-0.jsonl");
    expect(new Set(pieces.map(({ split }) => split))).toEqual(new Set(["train"]));
    expect(said.join("\n")).toMatch(/taught by tiny on its answers to questions about code, shop/);
    expect(said.join("\n")).toMatch(/take: shop: [\d,]+ tokens of 4 files/);
    const asked = lines("asked-questions.jsonl").map(({ turns }) => turns.join("\n"));
    expect(asked.filter((turns) => turns.includes("stock_")).length).toBeGreaterThan(asked.length / 10);
  });

  test("is taken again when one of its files has changed", async () => {
    await make(given());
    expect(programs()).toEqual([]);
    writeFileSync(path.join(folder, "shop/notes.txt"), "no code");
    await make(given());
    expect(programs()).toEqual([]);
    appendFileSync(path.join(folder, "shop/module_1.py"), "# more\n");
    python.interrupts = "write";
    await expect(make(given())).rejects.toMatchObject({ code: "stopped" });
    expect(programs()).toEqual(["write"]);
  });
});

describe("what is refused", () => {
  sharedFolder();

  test.each([
    [{ budget: 50_000 }, "budget_too_small", /too small: .* take 0\.\d\d MB/],
    [{ blocks: 9 }, "bad_shape", /9 blocks were asked for, and the model has 6/],
    [{ blocks: [4, 1] }, "bad_shape", /ascending/],
    [{ heads: 9 }, "bad_shape", /9 heads were asked for; ask for a multiple of 2 up to 4/],
    [{ mlp: 96 }, "bad_shape", /multiple of 64 up to 64/],
    [{ head: 100 }, "bad_shape", /from 272/],
    [{ questions: "none" }, "no_text", /nothing to teach on/],
    [{ hours: 0.0001 }, "too_few_hours", /leave no time to teach/],
    [{ texts: ["nowhere.txt"] }, "not_found", /nowhere\.txt/],
    [{ texts: [TINY_PACKS.target] }, "no_text", /no source file in it/],
  ] as const)("%j", async (more, code, message) => {
    const refused = make(more as Partial<DraftOptions>);
    await expect(refused).rejects.toMatchObject({ code });
    await expect(refused).rejects.toThrow(message);
    expect(existsSync(path.join(folder, "draft/pack"))).toBe(false);
  });
});
