/** Which answers count as loops. */
import { expect, test } from "vitest";
import { isLoop } from "../../src/tools/text/loops.ts";

const line = (length: number, from = 0) => Array.from({ length }, (_, n) => from + n);

test.each<[string, number[], boolean]>([
  ["no token twice", line(100), false],
  ["8 tokens three times", [...line(8), ...line(8), ...line(8)], false],
  ["8 tokens four times, in a row", [...line(8), ...line(8), ...line(8), ...line(8)], true],
  ["8 tokens four times, apart", [0, 1, 2, 3].flatMap((n) => [...line(8), 100 + n]), true],
  ["7 tokens four times, apart", [0, 1, 2, 3].flatMap((n) => [...line(7), 100 + n]), false],
  ["one token eleven times, four times 8 that overlap", new Array(11).fill(5), true],
  ["one token ten times", new Array(10).fill(5), false],
  ["nothing", [], false],
])("%s", (_, tokens, expected) => expect(isLoop(tokens)).toBe(expected));
