import { expect, test } from "vitest";
import { isPassage, questions } from "../../models/distil/questions.ts";

const PASSAGE = Array.from({ length: 80 }, (_, n) => `word${n}`).join(" ");

test("are as many and as different as asked for, and the same for a seed", () => {
  for (const passages of [[], [PASSAGE, `Another. ${PASSAGE}`]]) {
    const asked = [...questions(600, 3, passages)];
    expect(new Set(asked.map((turns) => turns.join("\n"))).size).toBe(600);
    expect([...questions(600, 3, passages)]).toEqual(asked);
    expect([...questions(600, 4, passages)]).not.toEqual(asked);
    for (const turn of asked.flat()) expect(turn).not.toMatch(/undefined|NaN|\[object/);
    const aboutPassages = asked.filter((turns) => turns.some((turn) => turn.includes("word40")));
    if (passages.length > 0) expect(aboutPassages.length).toBeGreaterThan(60);
    else expect(aboutPassages).toEqual([]);
  }
});

test("a passage is long and does not repeat itself", () => {
  expect(isPassage(PASSAGE)).toBe(true);
  expect(isPassage("too short to be one")).toBe(false);
  expect(isPassage("the same words again ".repeat(40))).toBe(false);
});
