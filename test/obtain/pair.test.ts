/** pair.json: the pairs of the project, and what is refused. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { targetOf } from "../../src/core/format/pack-header.ts";
import { defaultPair, knownPairs, pairNamed, readPair } from "../../src/tools/obtain/pair.ts";
import { packHeader } from "../support/tiny.ts";

const MODELS = path.resolve(import.meta.dirname, "../../models");
const pairs = knownPairs(MODELS);

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "pair-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("every draft of every pair was made for its target", () => {
  expect(pairs.length).toBeGreaterThan(0);
  for (const { name, target, drafts, directory: home } of pairs) {
    expect(path.basename(home)).toBe(name);
    for (const pack of drafts.values()) {
      const header = packHeader(pack);
      expect({ model: targetOf(header).model, vocabulary: header.vocabulary.hash }).toEqual({
        model: target.model,
        vocabulary: target.vocabulary,
      });
    }
  }
});

test("tokens per pass are what the table of drafts reports as served by default, with lookup", () => {
  const table = readFileSync(path.join(MODELS, "README.md"), "utf8");
  const { drafts, tokensPerPass } = defaultPair(pairs);
  expect([...tokensPerPass.keys()].sort()).toEqual([...drafts.values()].sort());
  for (const [short, pack] of drafts) {
    const row = table.split("\n").find((line) => line.startsWith(`| \`-${short}\``))!;
    const withLookup = row.split("|").at(-2)!;
    expect(Number(withLookup)).toBe(tokensPerPass.get(pack));
  }
});

test("a figure of a draft that the pair lacks is refused", () => {
  const { directory: home } = defaultPair(pairs);
  const pair = JSON.parse(readFileSync(path.join(home, "pair.json"), "utf8"));
  writeFileSync(path.join(directory, "pair.json"), JSON.stringify({ ...pair, tokensPerPass: { xl: 3 } }));
  expect(() => readPair(directory)).toThrow(/tokensPerPass: there is no draft "xl"/);
});

test("there is one default", () => {
  expect(pairs.filter(({ isDefault }) => isDefault)).toEqual([defaultPair(pairs)]);
});

test("a name that is none is answered with those that are", () => {
  expect(() => pairNamed("smollm3", pairs)).toThrow(/there is no pair "smollm3"; known pairs: .*smollm2-135m/);
});

test("a pair whose default draft is not here has none, and says so", () => {
  const { directory: home, name } = defaultPair(pairs);
  cpSync(path.join(home, "pair.json"), path.join(directory, "pair.json"));
  const { draft, absent } = readPair(directory);
  expect({ draft, absent }).toEqual({
    draft: null,
    absent: expect.stringContaining(`the draft "m" of ${name} is not in this copy of the project`),
  });
  expect(defaultPair(pairs).absent).toBeNull();
});

test.each([
  ["an unknown field", (pair: Record<string, unknown>) => ({ ...pair, drft: "m" }), "Unrecognized key"],
  ["a default that is no draft", (pair: Record<string, unknown>) => ({ ...pair, draft: "x" }), 'no draft "x"'],
  [
    "a checksum that is none",
    ({ target, ...pair }: Record<string, unknown>) => ({ ...pair, target: { ...(target as object), sha256: "b1" } }),
    "target.sha256",
  ],
  [
    "fewer sums than parts",
    ({ target, ...pair }: Record<string, unknown>) => {
      const wheels = { pypi: ["a==1", "b==1"], member: ".bin", parts: ["0".repeat(64)] };
      return { ...pair, target: { ...(target as object), sources: [wheels] } };
    },
    "target.sources.0",
  ],
])("%s is refused with the file's name", (_, change, message) => {
  const good = JSON.parse(readFileSync(path.join(pairs[0]!.directory, "pair.json"), "utf8"));
  mkdirSync(path.join(directory, "x"));
  writeFileSync(path.join(directory, "x/pair.json"), JSON.stringify(change(good)));
  expect(() => readPair(path.join(directory, "x"))).toThrow(message);
  expect(() => readPair(path.join(directory, "x"))).toThrow("pair.json");
});
