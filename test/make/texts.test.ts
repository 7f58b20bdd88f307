/** Texts of the user's, and how all text is put together. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { linesOf, taughtFile } from "../../src/tools/make/material.ts";
import { dropTornLine, mergeTexts } from "../../src/tools/make/merge.ts";
import { readQuestionFile } from "../../src/tools/text/question-file.ts";
import { asLines } from "../../src/tools/text/text-file.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const TOKENIZER = new Tokenizer(readFileSync(path.join(TINY_PACKS.target, "tokenizer.json"), "utf8"));
const STORY = readFileSync(new URL("../../models/tiny/story.txt", import.meta.url), "utf8");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "outrider-texts-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string | Uint8Array): string => {
  const made = path.join(folder, name);
  writeFileSync(made, content);
  return made;
};

test("windows of a text are its tokens in order", async () => {
  const lines = await linesOf(file("story.txt", STORY), TOKENIZER, 512);
  const ids = lines.flatMap(({ prompt, answer }) => [...prompt, ...answer]);
  const all = TOKENIZER.encode(STORY);
  expect(ids).toEqual(all.slice(0, ids.length));
  expect(all.length - ids.length).toBeLessThan(16);
  expect(Math.max(...lines.map(({ prompt, answer }) => prompt.length + answer.length))).toBe(256);
});

test.each([
  ['{"prompt": [1], "answer": [600]}', /line 1: 600 is no token of the target, which has 512/],
  ['{"turns": ["a"]}', /neither \{"prompt": ids/],
  ["{", /line 1: it is not JSON/],
])("refuses %s as a text", async (line, message) => {
  await expect(linesOf(file("bad.jsonl", line), TOKENIZER, 512)).rejects.toThrow(message);
});

test("questions are lines, or turns", async () => {
  const turnsOf = async (name: string) => (await readQuestionFile(name)).map(({ turns }) => turns);
  expect(await turnsOf(file("a.txt", "one\n\n two \n"))).toEqual([["one"], ["two"]]);
  const lines = ['{"turns": ["a", "b"]}', '{"prompt": "c"}'].join("\n");
  expect(await turnsOf(file("a.jsonl", lines))).toEqual([["a", "b"], ["c"]]);
  await expect(turnsOf(file("b.jsonl", '{"turns": []}'))).rejects.toThrow(/line 1: neither/);
});

test("merging keeps each line's predictions beside it, and sets every second held-out line apart", async () => {
  const corpora = ["a", "b"].map((name, f) => {
    const lines = Array.from({ length: 8 }, (_, n) => ({
      prompt: [1, f, n],
      answer: Array(n + 1).fill(n),
      temperature: 0,
      split: n % 2 === 0 ? "held-out" : "train",
    }));
    const corpus = file(`${name}.jsonl`, asLines(lines));
    // The predictions of a line are its own number, 192 bytes a position.
    writeFileSync(
      taughtFile(corpus),
      Buffer.concat(lines.map(({ answer }, n) => Buffer.alloc(192 * (2 + answer.length), 16 * f + n))),
    );
    return corpus;
  });
  const text = path.join(folder, "text.jsonl");
  const heldOut = path.join(folder, "held-out.jsonl");
  const merged = await mergeTexts(corpora, text, heldOut);
  const read = (of: string) =>
    readFileSync(of, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  expect(merged).toMatchObject({ lines: 12, heldOut: 4 });
  expect(read(heldOut).map(({ prompt }) => prompt)).toEqual([
    [1, 0, 0],
    [1, 0, 4],
    [1, 1, 0],
    [1, 1, 4],
  ]);
  const taught = readFileSync(taughtFile(text));
  let at = 0;
  for (const { prompt, answer } of read(text)) {
    const bytes = 192 * (2 + answer.length);
    expect(new Set(taught.subarray(at, at + bytes))).toEqual(new Set([16 * prompt[1] + prompt[2]]));
    at += bytes;
  }
  expect(at).toBe(taught.length);
});

test("a text that is not all judged is refused", async () => {
  const corpus = file("a.jsonl", '{"prompt": [1, 2], "answer": [3, 4], "split": "train"}\n');
  file("a.jsonl.taught", Buffer.alloc(192));
  await expect(mergeTexts([corpus], path.join(folder, "t.jsonl"), path.join(folder, "h.jsonl"))).rejects.toThrow(
    /has not judged all of it/,
  );
});

test.each([
  ["whole\nlines\n", "whole\nlines\n"],
  ["whole\nto", "whole\n"],
  ["to", ""],
  [`${"x".repeat(200_000)}\n${"y".repeat(150_000)}`, `${"x".repeat(200_000)}\n`],
])("a torn line goes", async (before, after) => {
  const torn = file("torn.jsonl", before);
  await dropTornLine(torn);
  expect(statSync(torn).size).toBe(after.length);
  expect(readFileSync(torn, "utf8")).toBe(after);
});
