/** What a run reads from a corpus file after interruptions and damage. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { CorpusFile } from "../../src/tools/corpus/corpus-file.ts";
import { describeCorpus } from "../../src/tools/corpus/describe.ts";
import type { Line } from "../../src/tools/corpus/line.ts";

const directory = mkdtempSync(path.join(tmpdir(), "outrider-corpus-"));
afterAll(() => rmSync(directory, { recursive: true }));

const line = (prompt: number[], temperature: number, answer: number[]): Line => ({
  prompt,
  answer,
  temperature,
  seed: 5,
  split: "train",
});
const LINES = [line([1, 2], 0, [3, 4]), line([1, 2], 1, [3, 5]), line([1, 3], 0, [3, 4])];
const text = (file: string): string => {
  const bytes = readFileSync(file);
  return (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
};

describe.each(["corpus.jsonl", "corpus.jsonl.gz"])("%s", (name) => {
  const file = path.join(directory, name);

  test("holds what was added, in order, each answer to a prompt once", () => {
    const corpus = new CorpusFile(file, 10);
    expect(LINES.map((each) => corpus.add(each))).toEqual([true, true, true]);
    expect(corpus.add(line([1, 2], 0.7, [3, 4]))).toBe(false);
    expect(corpus.lines).toEqual(LINES);
    expect(text(file)).toBe(LINES.map((each) => `${JSON.stringify(each)}\n`).join(""));
  });

  test("closed, holds the same in no more room", () => {
    const before = readFileSync(file);
    new CorpusFile(file, 10).close();
    expect(text(file)).toBe(LINES.map((each) => `${JSON.stringify(each)}\n`).join(""));
    expect(readFileSync(file).length).toBeLessThanOrEqual(before.length);
  });

  test("opened again, knows what it has", () => {
    const corpus = new CorpusFile(file, 10);
    expect(corpus.lines).toEqual(LINES);
    expect(corpus.answer([1, 2], 1)).toEqual([3, 5]);
    expect(corpus.answer([1, 2], 0.7)).toBeUndefined();
    expect(corpus.add(line([1, 3], 1, [3, 4]))).toBe(false);
  });

  test("loses the line that was being written when the machine stopped, no other", () => {
    rmSync(file);
    const two = new CorpusFile(file, 10);
    for (const each of LINES.slice(0, 2)) two.add(each);
    const whole = readFileSync(file);
    const added = file.endsWith(".gz") ? gzipSync(`${JSON.stringify(LINES[2])}\n`) : `${JSON.stringify(LINES[2])}\n`;
    for (let lost = 1; lost < added.length; lost++) {
      writeFileSync(file, whole);
      appendFileSync(file, added.slice(0, added.length - lost));
      const corpus = new CorpusFile(file, 10);
      // Of a gzip member that lacks its checksum all text may be there.
      const kept = name.endsWith(".gz") && lost < 12 ? corpus.lines.length : 2;
      expect([2, 3]).toContain(kept);
      expect(corpus.lines).toEqual(LINES.slice(0, kept));
      corpus.add(LINES[2]!);
      expect(new CorpusFile(file, 10).lines).toEqual(LINES);
    }
  });

  test("refuses what is no corpus of this target, naming the line", () => {
    expect(() => new CorpusFile(file, 5)).toThrow("line 2 has token 5, the target has 5 tokens; give another --out");
    const strange = (added: string) => {
      writeFileSync(file, "");
      appendFileSync(file, name.endsWith(".gz") ? gzipSync(added) : added);
      return () => new CorpusFile(file, 10);
    };
    expect(strange('{"prompt": [1], "answer": [2]}\n')).toThrow("line 1, temperature:");
    expect(strange("a text\n")).toThrow("line 1 is not JSON");
  });
});

test("a file of another kind is left alone", () => {
  expect(() => new CorpusFile(path.join(directory, "corpus.txt"), 10)).toThrow("NAME.jsonl or NAME.jsonl.gz");
  const file = path.join(directory, "no.jsonl.gz");
  writeFileSync(file, "no gzip at all\n");
  expect(() => new CorpusFile(file, 10)).toThrow("incorrect header check; give another --out");
  expect(readFileSync(file, "utf8")).toBe("no gzip at all\n");
});

test("the report counts by temperature, loops and what is held out", () => {
  const round = [1, 2, 3, 4, 5, 6, 7, 8];
  const lines: Line[] = [
    line([1], 0, [...round, ...round, ...round, ...round]),
    { ...line([2], 0, [...round, ...round, ...round]), split: "held-out" },
    line([1], 0.7, [9]),
  ];
  expect(describeCorpus("some/where.jsonl", lines).split("\n")).toEqual([
    "where.jsonl: 3 answers to 2 prompts, 57 tokens; held out 1 answers, 24 tokens",
    "temperature 0: 2 answers, 56 tokens; 50.0 % of the answers loop, 57.1 % of the tokens",
    "temperature 0.7: 1 answers, 1 tokens; 0.0 % of the answers loop, 0.0 % of the tokens",
  ]);
});
