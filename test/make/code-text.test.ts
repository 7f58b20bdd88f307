/** Text made of source files: whose are read, what is cut out of them, and what is asked about them. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { editTurns, isEditable } from "../../models/distil/edits.ts";
import { inTurn } from "../../models/distil/in-turn.ts";
import { isPermissive } from "../../models/distil/licences.ts";
import { packagesIn } from "../../models/distil/packages.ts";
import { readGgufMetadata } from "../../src/core/format/gguf.ts";
import { tokenizerFiles } from "../../src/core/format/gguf-tokenizer.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { FillTemplate } from "../../src/core/model/fill.ts";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { hole, piecesOf, TOKENS } from "../../src/tools/make/pieces.ts";
import { projectText } from "../../src/tools/make/project.ts";
import { isWritten, type SourceFile, sourceFiles } from "../../src/tools/make/source-files.ts";
import { draws } from "../../src/tools/questions/draw.ts";
import { snippetsOf } from "../../src/tools/questions/snippets.ts";
import { goldenBytes } from "../support/golden.ts";
import { projectSource, writeProject } from "../support/project.ts";

test.each([
  ...[
    "MIT",
    "Expat",
    "The MIT License (MIT)",
    "BSD License",
    "BSD-3-clause",
    "Apache Software License",
    "ISC",
    "PSF-2.0",
  ],
  ...["MIT OR Apache-2.0", "Unlicense/MIT", "GPL-3.0 OR MIT", "MIT AND BSD-2-Clause", "(MIT)", "Apache 2.0 License"],
])("code under %s is read", (licence) => {
  expect(isPermissive(licence)).toBe(true);
});

test.each([
  ...[
    "",
    "UNLICENSED",
    "GPL-3.0",
    "LGPL-3.0-or-later",
    "MPL-2.0",
    "CC-BY-4.0",
    "unknown",
    "Apache-2.0 WITH LLVM-exception",
  ],
  ...["MIT AND GPL-2.0", "(MIT OR Apache-2.0) AND GPL-3.0", "SEE LICENSE IN LICENSE.txt"],
])("code under '%s' is not", (licence) => {
  expect(isPermissive(licence)).toBe(false);
});

/** A function of nine lines, and one that calls it. */
const part = (n: number) => `def share_${n}(values, total):
    """Shares of a total in percent."""
    shares = []
    for value in values:
        if total == 0:
            raise ValueError("a total of nothing")
        shares.append(100 * value / total)
    return shares


def largest_${n}(values):
    total = sum(values)
    shares = share_${n}(values, total)
    best = max(shares)
    return shares.index(best), best


`;
const TEXT = Array.from({ length: 8 }, (_, n) => part(n)).join("");
const FILE: SourceFile = { language: "python", name: "shares.py", text: TEXT, origin: "shares 1 (MIT)" };

test("packages are found with their licences, each file in the innermost one", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "packages-"));
  const put = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  };
  put("a/package.json", JSON.stringify({ name: "a", version: "1.0.0", license: "MIT" }));
  put("a/index.js", "a");
  put("a/node_modules/b/package.json", JSON.stringify({ name: "b", version: "2.0.0", license: "GPL-3.0" }));
  put("a/node_modules/b/index.js", "b");
  put("a/esm/package.json", JSON.stringify({ type: "module" }));
  put("a/esm/index.js", "c");
  put("site/d-3.dist-info/METADATA", "Name: d\nVersion: 3\nLicense-Expression: ISC\n\nLicense: GPL");
  put("site/d-3.dist-info/RECORD", "d/one.py,sha256=x,1\nd/missing.py,,\n");
  put("site/d/one.py", "d");
  put("site/d/two.py", "not recorded");
  put("e/Cargo.toml", '[package]\nname = "e"\nversion = "4.0.0"\nlicense = "MIT OR Apache-2.0"\n');
  put("e/src/lib.rs", "e");
  put("f/usr/share/doc/f/copyright", "Format: x\n\nFiles: *\nLicense: Expat\n\nFiles: debian/*\nLicense: GPL-2+\n");
  put("f/usr/src/f.c", "f");
  const found = packagesIn(folder).map(({ files, ...facts }) => ({
    ...facts,
    files: files.map((file) => path.relative(folder, file)).filter((file) => /\.(?:js|py|rs|c)$/.test(file)),
  }));
  expect(found).toEqual([
    { name: "a", version: "1.0.0", licence: "MIT", files: ["a/esm/index.js", "a/index.js"] },
    { name: "b", version: "2.0.0", licence: "GPL-3.0", files: ["a/node_modules/b/index.js"] },
    { name: "e", version: "4.0.0", licence: "MIT OR Apache-2.0", files: ["e/src/lib.rs"] },
    { name: "f", version: "", licence: "Expat", files: ["f/usr/src/f.c"] },
    { name: "d", version: "3", licence: "ISC", files: ["site/d/one.py"] },
  ]);
});

test("a text that occurs twice is used once, and without its notice", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "files-"));
  const names = ["one.py", "two.py", "three.min.js", "four.txt", "vendor/five.py"];
  mkdirSync(path.join(folder, "vendor"));
  for (const name of names) writeFileSync(path.join(folder, name), `# Copyright somebody\n# All rights\n\n${TEXT}`);
  const files = names.map((name) => path.join(folder, name));
  const found = sourceFiles({ name: "shares", version: "1", licence: "MIT", files }, new Set());
  expect(found).toEqual([{ ...FILE, name: "one.py" }]);
});

test("what programs wrote is left out, and so are tables and texts of a wrong size", () => {
  expect(isWritten(TEXT)).toBe(true);
  for (const text of [
    ...[TEXT.slice(0, 300), TEXT.repeat(40), `${TEXT}x = "${"x".repeat(200)}"\n`, `# Generated by a tool\n${TEXT}`],
    ...[`exports.__esModule = true;\n${TEXT}`, '    "a word",\n'.repeat(100), `${TEXT}${"ä".repeat(100)}`],
  ]) {
    expect(isWritten(text)).toBe(false);
  }
});

test("every file comes once, and languages are mixed by weight", () => {
  const files = ["python", "python", "css"].flatMap((language, group) =>
    Array.from({ length: 100 }, (_, n) => ({ ...FILE, language, name: `${n}`, origin: `package ${group}` })),
  );
  const mixed = inTurn(files, 3);
  expect(mixed).not.toEqual(files);
  expect(new Set(mixed)).toEqual(new Set(files));
  expect(inTurn(files, 3)).toEqual(mixed);
  expect(mixed.slice(0, 150).filter(({ language }) => language === "python").length).toBeGreaterThan(130);
});

test.each([
  [
    "python",
    "x = 1\n\n\nclass A:\n    def f(\n        self,\n    ) -> int:\n        a = 1\n\n        return a\n\nf()\n",
    2,
  ],
  ["typescript", "export function f(a: number) {\n  if (a) {\n    g();\n  }\n  return a;\n}\nf();\n", 1],
  ["go", "package a\n\nfunc f() {\n\tg()\n\tg()\n\tg()\n}\n\nvar a = 1\n", 1],
  ["csharp", "public class A\n{\n    public int F()\n    {\n        var a = 1;\n        return a;\n    }\n}\n", 2],
  ["ruby", "def f(a)\n  if a\n    1\n  end\nend\n\nf(1)\n", 1],
  ["c", "static int f(int a)\n{\n    g();\n}\n\nint main(void) {\n    g();\n    g();\n    return 0;\n}\n", 1],
])("functions and classes are found whole in %s", (language, text, count) => {
  const found = snippetsOf(language, text);
  expect(found).toHaveLength(count);
  for (const { code } of found) {
    expect(code).toMatch(/^\S/);
    expect(code).toMatch(/(?:\}|end|return a)$/);
    for (const bracket of ["{}", "()"]) expect(code.split(bracket[0]!)).toHaveLength(code.split(bracket[1]!).length);
  }
});

const metadata = await readGgufMetadata(bytesSource("llama.gguf", goldenBytes("llama.gguf")));
const json = JSON.parse(tokenizerFiles("llama.gguf", metadata)["tokenizer.json"]);
const own = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|endoftext|>"];
const added = own.map((content, n) => ({ id: 263 + n, content, special: true }));
const tokenizer = new Tokenizer(JSON.stringify({ ...json, added_tokens: [...json.added_tokens, ...added] }));
const fill = new FillTemplate("{}", tokenizer);
const [PREFIX, SUFFIX, MIDDLE, END] = [263, 264, 265, 266] as const;

test("pieces keep to their limits, begin and end at lines, and are put together from the file", () => {
  const kinds = new Set<string>();
  for (let n = 0; n < 24; n++) {
    const pieces = piecesOf(FILE, 3, { tokenizer, fill, end: END }, draws(4, n));
    expect(piecesOf(FILE, 3, { tokenizer, fill, end: END }, draws(4, n))).toEqual(pieces);
    for (const { prompt, answer, kind, split, origin, temperature } of pieces) {
      expect(temperature).toBe(1);
      kinds.add(kind);
      expect(split).toBe(pieces[0]!.split);
      expect(origin).toBe("shares 1 (MIT)");
      expect(answer.length).toBeGreaterThan(0);
      expect(prompt.length + answer.length).toBeLessThanOrEqual(TOKENS.high);
      expect(prompt.length + answer.length).toBeGreaterThanOrEqual(TOKENS.low);
      const text = (ids: readonly number[]) => tokenizer.decode(ids);
      let whole = text(prompt) + text(answer);
      if (kind === "fill") {
        expect(prompt[0]).toBe(PREFIX);
        expect(prompt.at(-1)).toBe(MIDDLE);
        expect(answer.at(-1)).toBe(END);
        const behind = prompt.indexOf(SUFFIX);
        whole = text(prompt.slice(0, behind)) + text(answer) + text(prompt.slice(behind));
      }
      expect(TEXT).toContain(whole);
      expect(`\n${TEXT}`).toContain(`\n${whole}`);
      expect(whole).toMatch(/\n$/);
    }
  }
  expect(kinds).toEqual(new Set(["code", "fill"]));
});

test("a project gives pieces of its own files, as many as are wanted", () => {
  // A folder whose own path names what is left out inside.
  const folder = path.join(mkdtempSync(path.join(tmpdir(), "project-")), "vendor", "shop");
  writeProject(folder);
  const words = { tokenizer, fill, end: END };
  const whole = projectText(folder, Infinity, words, 0);
  const positions = ({ pieces }: typeof whole) =>
    pieces.reduce((sum, { prompt, answer }) => sum + prompt.length + answer.length - 1, 0);
  expect(whole.files).toBe(4);
  expect(new Set(whole.pieces.map(({ kind }) => kind))).toEqual(new Set(["code", "fill"]));
  const own = Array.from({ length: 4 }, (_, n) => projectSource(n)).join("");
  for (const { prompt, answer, kind } of whole.pieces) {
    if (kind === "code") expect(own).toContain(tokenizer.decode([...prompt, ...answer]));
  }
  expect(whole.snippets).toHaveLength(48);

  const most = Math.floor(positions(whole) / 2);
  const half = projectText(folder, most, words, 0);
  expect(positions(half)).toBeLessThanOrEqual(most);
  expect(positions(half)).toBeGreaterThan(most - 2 * TOKENS.high);
  expect(projectText(folder, most, words, 0)).toEqual(half);
  expect(projectText(folder, most, words, 1)).not.toEqual(half);
  // A model that cannot fill in reads them without holes.
  const { pieces } = projectText(folder, Infinity, { ...words, fill: null }, 0);
  expect(new Set(pieces.map(({ kind }) => kind))).toEqual(new Set(["code"]));
});

test("holes are lines, blocks, expressions and the rests of lines", () => {
  const middles = Array.from({ length: 300 }, (_, n) => hole(part(0), draws(1, n))?.middle).filter((one) => one);
  expect(middles).toContain("shares.append(100 * value / total)");
  expect(middles).toContain("sum(values)");
  expect(middles).toContain("values, total");
  expect(middles.some((middle) => middle!.split("\n").length === 4)).toBe(true);
  expect(middles.some((middle) => /^\w+\)/.test(middle!))).toBe(true);
});

test("files to edit have a length and functions; their questions hold the file, for a bug all but a line", () => {
  expect(isEditable(FILE)).toBe(true);
  expect(isEditable({ ...FILE, text: part(0) })).toBe(false);
  expect(isEditable({ ...FILE, text: TEXT.repeat(2) })).toBe(false);
  expect(isEditable({ ...FILE, text: "x = 1\n".repeat(100) })).toBe(false);
  const asked = Array.from({ length: 200 }, (_, n) => editTurns(FILE, draws(9, n)));
  expect(Array.from({ length: 200 }, (_, n) => editTurns(FILE, draws(9, n)))).toEqual(asked);
  const lines = TEXT.trimEnd().split("\n");
  for (const [given] of asked) expect(lines.filter((line) => !given!.includes(line)).length).toBeLessThanOrEqual(1);
  expect(asked.filter(([given]) => !given!.includes(TEXT.trimEnd())).length).toBeGreaterThan(30);
  const renames = asked.flatMap(([given]) => /`(\w+)` to `(\w+)`/.exec(given!)?.slice(1) ?? []);
  expect(renames.length).toBeGreaterThan(20);
  expect(asked.flat().join("\n")).not.toMatch(/undefined|NaN/);
});
