/** The whole command on the tiny pack. Its times are not looked at, only that the parts make the whole. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readKeyPolicy } from "../../src/core/draft/key-policy.ts";
import { builtModule, builtModules } from "../../src/core/platform/built.ts";
import { shardReader } from "../../src/core/platform/disk.ts";
import { inspectCommand } from "../../src/tools/commands/inspect.ts";
import { type InspectedPass, type Inspection, inspectPack } from "../../src/tools/inspect/inspection.ts";
import { inspectionPage } from "../../src/tools/inspect/inspection-page.ts";
import { printed } from "../support/printed.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const OPERATIONS = [
  "embed",
  "norm + quantise",
  "rope",
  "kv append",
  "attention",
  "quantise",
  "o",
  "swiglu + quantise",
  "down",
  "final norm",
  "head",
  "argmax",
];

describe("on the tiny pack", () => {
  let directory: string;
  let html: string;
  let printedText: string;
  let inspection: Inspection;

  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), "inspect-"));
    const file = path.join(directory, "report.html");
    printedText = await printed(() => inspectCommand.run([TINY_PACKS.target, "--html", file, "--position", "33"]));
    const header = packHeader(TINY_PACKS.target);
    const options = { tokens: 40, position: 33, keys: readKeyPolicy("all") };
    const roof = await builtModule("roof");
    const shards = shardReader(TINY_PACKS.target, header);
    inspection = await inspectPack(header, shards, await builtModules(), roof, options);
    html = readFileSync(file, "utf8");
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const passes = (): InspectedPass[] => [inspection.decode, inspection.prefill];

  test("every operation has a row", () => {
    for (const pass of passes()) {
      expect(pass.operations.map(({ name }) => name)).toEqual(expect.arrayContaining(OPERATIONS));
      for (const operation of pass.operations) {
        expect(operation.measured).toBeGreaterThanOrEqual(0);
        expect(operation.predicted).toBeGreaterThan(0);
      }
    }
  });

  test("the shares sum to 1", () => {
    for (const { operations, betweenShare } of passes()) {
      expect(operations.reduce((sum, { share }) => sum + share, betweenShare)).toBeCloseTo(1, 9);
    }
  });

  test("the matrices of a pass cost what the shape says", () => {
    // Per layer q and o (128 · 64), k and v (64 · 64), gate, up and down (96 · 64); the head (512 · 64) for one token.
    const layers = 6 * (2 * 128 + 2 * 64 + 3 * 96) * 64;
    expect(inspection.decode.cost.macs.int14).toBe(layers + 512 * 64);
    expect(inspection.prefill.cost.macs.int14).toBe(40 * layers + 512 * 64);
  });

  test("the whole pass is held against one roof, which is no higher than its parts one after the other", () => {
    for (const { roof, predicted } of passes()) expect(roof).toBeLessThanOrEqual(predicted * (1 + 1e-9));
  });

  test("the text has a table a pass", () => {
    expect(printedText).toContain("decode, 1 token at position 33");
    expect(printedText).toContain("prefill, 64 tokens at position 0");
    expect(printedText.match(/^all operations .* %$/gm)).toHaveLength(2);
  });

  test("the HTML loads nothing and shows every operation", () => {
    expect(html).not.toMatch(/<script|<link|<img|\bsrc=|\bhref=|url\(|@import|https?:/);
    expect(html).toContain("<svg");
    for (const name of OPERATIONS) expect(html).toContain(`<td>${name}</td>`);
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("what a pack says is escaped", () => {
    const [first, ...rest] = inspection.decode.operations;
    const decode = { ...inspection.decode, operations: [{ ...first!, name: "<i>q" }, ...rest] };
    const hostile = inspectionPage({ ...inspection, model: '<b>&"', decode }, "<u>");
    expect(hostile).toContain("&lt;b&gt;&amp;&quot;");
    expect(hostile).not.toMatch(/<b>&|<i>|<u>/);
  });
});

test.each([
  [[], "PACK is missing"],
  [["a", "b"], 'unexpected "b"'],
  [[TINY_PACKS.target, "--position", "2048"], "--position is a whole number from 0 to 2047"],
  [[TINY_PACKS.target, "--position", "many"], 'not "many"'],
  [[TINY_PACKS.target, "--html", "/no/such/place/report.html"], "--html cannot be written into /no/such/place"],
  [[TINY_PACKS.target, "--fast"], "unknown option --fast"],
  [["nowhere"], "there is no such file"],
])("%j is answered with what is right", async (argv, message) => {
  await expect(inspectCommand.run(argv)).rejects.toThrow(message);
});
