/** What a stranger's file has a command say reaches the terminal as text. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { spellOut } from "../../src/tools/commands/console.ts";

const home = mkdtempSync(path.join(tmpdir(), "outrider-console-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function said(...parts: unknown[]): string {
  const lines: unknown[] = [];
  const console = { log: (line: unknown) => void lines.push(line), error: () => {}, warn: () => {} };
  spellOut(console);
  console.log(...(parts as [unknown]));
  return lines.join("\n");
}

test.each([
  ["\u001b[31mred\u0007\r", "\\u001b[31mred\\u0007\\u000d"],
  ["a\u009b31m\u007fb", "a\\u009b31m\\u007fb"],
  ["a\u202eb\u2028c", "a\\u202eb\\u2028c"],
  ["two\n\tlines é 東京 🙂", "two\n\tlines é 東京 🙂"],
  ["\u001b[1mbold\u001b[22m, \u001b[1\u001b[1mm", "\u001b[1mbold\u001b[22m, \\u001b[1\u001b[1mm"],
])("%j", (text, expected) => {
  expect(said(text)).toBe(expected);
});

test("JSON stays the same JSON, and an error is spelt out with its stack", () => {
  const value = { model: "a\u001b\u009b\u202e" };
  expect(JSON.parse(said(JSON.stringify(value)))).toEqual(value);
  expect(said(new Error("a\u001bb"))).toContain("Error: a\\u001bb\n    at ");
});

test("a recipe that throws what moves the cursor cannot do so", () => {
  const recipe = path.join(home, "recipe.mjs");
  writeFileSync(recipe, 'throw new Error("\\u001b[31mred\\r\\u0007");\n');
  const { stdout, stderr } = spawnSync(process.execPath, ["src/outrider.ts", "squeeze", recipe], { encoding: "utf8" });
  expect(stdout + stderr).toContain("outrider squeeze: \\u001b[31mred\\u000d\\u0007 (unexpected");
  expect(stdout + stderr).not.toMatch(/\p{Cc}(?<!\n)/u);
});
