import { expect, test } from "vitest";
import { isPassage, questions } from "../../src/tools/questions/questions.ts";

const PASSAGE = Array.from({ length: 80 }, (_, n) => `word${n}`).join(" ");

test("are as many and as different as asked for, and the same for a seed", () => {
  for (const passages of [[], [PASSAGE, `Another. ${PASSAGE}`]]) {
    const sources = { passages, topics: [], sentences: [] };
    const asked = [...questions(600, 3, sources)];
    expect(new Set(asked.map((turns) => turns.join("\n"))).size).toBe(600);
    expect([...questions(600, 3, sources)]).toEqual(asked);
    expect([...questions(600, 4, sources)]).not.toEqual(asked);
    for (const turn of asked.flat()) expect(turn).not.toMatch(/undefined|NaN|\[object/);
    const aboutPassages = asked.filter((turns) => turns.some((turn) => turn.includes("word40")));
    if (passages.length > 0) expect(aboutPassages.length).toBeGreaterThan(60);
    else expect(aboutPassages).toEqual([]);
  }
});

test("are about the topics and sentences that they are given, three times in four", () => {
  const sources = { passages: [], topics: ["zeppelins"], sentences: ["Es schneit."] };
  const asked = [...questions(1000, 3, sources)].flat();
  expect(asked.filter((turn) => turn.includes("zeppelins")).length).toBeGreaterThan(200);
  expect(asked.filter((turn) => turn.endsWith("Es schneit."))).toHaveLength(3);
});

test("a passage is long and does not repeat itself", () => {
  expect(isPassage(PASSAGE)).toBe(true);
  expect(isPassage("too short to be one")).toBe(false);
  expect(isPassage("the same words again ".repeat(40))).toBe(false);
});
