import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { broken, codeQuestions, KINDS } from "../../src/tools/questions/code-questions.ts";
import { draws } from "../../src/tools/questions/draw.ts";
import { made } from "../../src/tools/questions/made-code.ts";
import { questions } from "../../src/tools/questions/questions.ts";

const SNIPPET = { language: "python", code: "def beside_the_point(n):\n    total = n + 1\n    return total" };

test("are as many and as different as asked for, and the same for a seed", () => {
  const asked = [...codeQuestions(3000, 5, [])];
  expect(new Set(asked.map((turns) => turns.join("\n"))).size).toBe(3000);
  expect([...codeQuestions(3000, 5, [])]).toEqual(asked);
  for (const turn of asked.flat()) {
    const spoken = turn.replace(/```[\s\S]*?(?:```|$)/g, "");
    expect(spoken).not.toMatch(/NaN|\[object|\{[a-z]+\}/i);
    expect(spoken).not.toMatch(/(?<!string \| |of |: |Object is possibly ')undefined(?! (?:reference|method))/);
  }
});

test("of another seed are hardly ever the same", () => {
  const first = new Set([...codeQuestions(8000, 1, [])].map((turns) => turns.join("\n")));
  const again = [...codeQuestions(8000, 2, [])].filter((turns) => first.has(turns.join("\n")));
  expect(again.length).toBeLessThan(600);
});

test("have a share of each kind, conversations among them", () => {
  expect(KINDS.reduce((sum, { share }) => sum + share, 0)).toBe(100);
  const asked = [...codeQuestions(2000, 3, [])];
  expect(asked.filter((turns) => turns.length === 2).length).toBeGreaterThan(100);
  expect(asked.filter((turns) => turns.length === 3).length).toBeGreaterThan(30);
  const texts = asked.flat();
  for (const sign of [
    ...["Python", "JavaScript", "TypeScript", "Java", "C\\+\\+", "Go", "Rust", "C#", "PHP", "Ruby", "Kotlin", "Swift"],
    ...["Explain", "tests", "bug", "Rename", "Translate", "bash", "SQL", "regular expression", "Dockerfile", "CSS"],
    ...["```python", "```go", "```rust", "```java", "```sql", "pandas", "React", "Express", "Complete this code"],
  ]) {
    expect(texts.some((text) => new RegExp(sign).test(text))).toBe(true);
  }
});

test("every kind asks for something", () => {
  for (const { ask } of KINDS) {
    const turns = ask(draws(1, 1), () => SNIPPET);
    expect(turns.length).toBeGreaterThan(0);
    for (const turn of turns) expect(turn.length).toBeGreaterThan(10);
  }
});

test("ask mostly about the snippets that they are given", () => {
  const asked = [...codeQuestions(1000, 3, [SNIPPET])].flat();
  const given = asked.filter((turn) => turn.includes("beside_the_point"));
  expect(given.length).toBeGreaterThan(100);
});

test("broken code differs from the code, and in one place", () => {
  const { code } = SNIPPET;
  for (let n = 0; n < 50; n++) {
    const bad = broken(code, draws(7, n));
    expect(bad).not.toBe(code);
    const lines = code.split("\n");
    const kept = bad.split("\n").filter((line) => lines.includes(line));
    expect(kept.length).toBe(lines.length - 1);
  }
});

test("made code has no template's words left", () => {
  for (let n = 0; n < 500; n++) expect(made(draws(2, n)).code).not.toMatch(/(?<![$#"])\{[osabvnOSABV]\}/);
});

/**
 * Runs of eight words shared with a development question, outside of code. Fewer would be "Write a Python function
 * that", which everybody writes.
 */
test("hold no question of those that drafts are judged with", () => {
  const folder = new URL("../bench/questions/", import.meta.url);
  const wordsOf = (text: string) =>
    text
      .replace(/```[\s\S]*?(?:```|$)/g, "")
      .toLowerCase()
      .match(/[a-z0-9_]+/g) ?? [];
  const runs = (text: string) => {
    const words = wordsOf(text);
    return words.slice(7).map((_, at) => words.slice(at, at + 8).join(" "));
  };
  const judged = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => readFileSync(new URL(name, folder), "utf8").split("\n").filter(Boolean))
    .flatMap((line) => (JSON.parse(line) as { turns?: string[] }).turns ?? []);
  expect(judged.length).toBeGreaterThan(40);
  const all = [...codeQuestions(8000, 1, []), ...questions(8000, 1, { topics: [], sentences: [], passages: [] })];
  const asked = new Set(all.flat().flatMap(runs));
  expect(judged.flatMap(runs).filter((run) => asked.has(run))).toEqual([]);
});
