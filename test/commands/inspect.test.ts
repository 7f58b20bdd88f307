/** The whole command on the tiny pack. Its times are not looked at, only that the parts make the whole. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { inspectCommand } from "../../src/tools/commands/inspect.ts";
import type { InspectedPass, Inspection } from "../../src/tools/inspect/inspection.ts";
import { inspectionPage } from "../../src/tools/inspect/inspection-page.ts";
import { inspectionText } from "../../src/tools/inspect/inspection-text.ts";
import { TINY_PACKS } from "../support/tiny.ts";

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
  let inspection: Inspection & { readonly machine: string };

  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), "inspect-"));
    const file = path.join(directory, "report.html");
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    await inspectCommand.run([TINY_PACKS.target, "--json", "--html", file, "--tokens", "40", "--position", "33"]);
    inspection = JSON.parse(log.mock.calls[0]?.[0]);
    log.mockRestore();
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
    const text = inspectionText(inspection, inspection.machine);
    expect(text).toContain("decode, 1 token at position 33");
    expect(text).toContain("prefill, 40 tokens at position 0");
    expect(text.match(/^all operations .* %$/gm)).toHaveLength(2);
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
  [[TINY_PACKS.target, "--tokens", "0"], '--tokens is a whole number from 1 on, not "0"'],
  [[TINY_PACKS.target, "--position", "2048"], "--position is a whole number from 0 to 2047"],
  [[TINY_PACKS.target, "--tokens", "many"], 'not "many"'],
  [[TINY_PACKS.target, "--html", "/no/such/place/report.html"], "--html cannot be written into /no/such/place"],
  [[TINY_PACKS.target, "--fast"], "unknown option --fast"],
  [["nowhere"], "there is no such file"],
])("%j is answered with what is right", async (argv, message) => {
  await expect(inspectCommand.run(argv)).rejects.toThrow(message);
});
