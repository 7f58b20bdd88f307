/** Answers in a folder, a file a kind: figures of each kind, and one table of all drafters. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { evalCommand } from "../../src/tools/commands/eval.ts";
import type { Figures } from "../../src/tools/evaluate/figures.ts";
import { readAnswers } from "../../src/tools/text/target-text.ts";
import { printed } from "../support/printed.ts";
import { seeded } from "../support/random.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const home = mkdtempSync(path.join(tmpdir(), "outrider-kinds-"));
afterAll(() => rmSync(home, { recursive: true }));

const random = seeded(3);
const noise = (length: number) => Array.from({ length }, () => Math.floor(random() * 512));
const source = noise(60);
const lines = (...all: object[]) => all.map((line) => JSON.stringify(line)).join("\n");
writeFileSync(path.join(home, "answers-edit.jsonl"), lines({ prompt: source, answer: source.slice(0, 50) }));
writeFileSync(
  path.join(home, "chat.jsonl"),
  lines({ prompt: noise(5), answer: noise(40) }, { prompt: noise(5), answer: Array(40).fill(7) }),
);
writeFileSync(path.join(home, "notes.txt"), "not answers");

test("a file of a folder is a kind, by its name", async () => {
  const kinds = (await readAnswers(home, 9)).map(({ kind }) => kind);
  expect(kinds).toEqual(["edit", "chat", "chat"]);
  expect((await readAnswers(home, 1)).map(({ kind }) => kind)).toEqual(["edit", "chat"]);
  expect((await readAnswers(path.join(home, "chat.jsonl"), 9))[0]).not.toHaveProperty("kind");
  const empty = mkdtempSync(path.join(home, "empty-"));
  await expect(readAnswers(empty, 9)).rejects.toMatchObject({ code: "bad_text" });
});

test("a copy takes fewer passes than noise, and fewer yet with longer drafts", async () => {
  const evaluated = async (drafted: string): Promise<Figures> => {
    const argv = [TINY_PACKS.draft, "--json", "--no-speed", "--answers", home, "--served", "--drafted", drafted];
    return JSON.parse(await printed(() => evalCommand.run(argv)));
  };
  const { kinds, served } = await evaluated("8");
  const [edit, chat] = kinds!;
  expect(edit).toMatchObject({ kind: "edit", answers: 1, tokens: 50 });
  expect(chat).toMatchObject({ kind: "chat", answers: 2, tokens: 80 });
  // 50 tokens: the prompt's pass decides one, the second token shows where the copy is from, then nine a pass.
  expect(edit!.served.lookup).toBeCloseTo(50 / 8, 5);
  expect(edit!.servedWithoutLoops).toEqual(edit!.served);
  expect(chat!.served.lookup).toBeGreaterThan(chat!.servedWithoutLoops!.lookup);
  const passes = 50 / edit!.served.lookup + 80 / chat!.served.lookup;
  expect(served!.lookup).toBeCloseTo(130 / passes, 5);
  // The first pass with a copy is of few tokens, because short matches are trusted little.
  expect((await evaluated("31")).kinds![0]!.served.lookup).toBeCloseTo(50 / 5, 5);
});

test("prints a row a drafter, with and without loops", async () => {
  const argv = [TINY_PACKS.draft, TINY_PACKS.target, "--no-speed", "--answers", home, "--served"];
  const out = await printed(() => evalCommand.run(argv));
  const rows = out.split("\n").filter((line) => line.includes("lookup alone"));
  expect(rows).toHaveLength(2);
  expect(out).toMatch(/tokens per pass +edit \(1\) +chat \(2\) +all/);
  expect(out.split("\n").filter((line) => line.startsWith(`${TINY_PACKS.draft} + lookup`))).toHaveLength(2);
  expect(out).toMatch(/at most 8 tokens drafted a pass/);
});
