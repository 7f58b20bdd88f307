/** What a bench prints: medians, extremes, and a dash where nothing was measured. */
import { expect, test } from "vitest";
import { jsonLine, speedTable, summarise } from "./tables.ts";

test("the median is the middle value, or the mean of the two in the middle", () => {
  expect(summarise([10, 9, 2])).toEqual({ median: 9, low: 2, high: 10 });
  expect(summarise([100, 3, 20, 1])).toEqual({ median: 11.5, low: 1, high: 100 });
});

test("the line of JSON has each figure's median, and lowest and highest round", () => {
  expect(JSON.parse(jsonLine({ ratio: [1.23456, 1, 2], speed: [150] }))).toEqual({
    ratio: 1.235,
    speed: 150,
    spread: { ratio: [1, 2], speed: [150, 150] },
  });
});

test("what an engine cannot measure is a dash", () => {
  const rows = speedTable(new Map([["peer", [{ prefill: { 16: 90 }, decode: 10.04 }]]])).split("\n");
  expect(rows.at(-1)).toBe("| peer | 90 (90 to 90) | – | – | 10.0 (10.0 to 10.0) | – | – |");
});
