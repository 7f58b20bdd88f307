/** Figures stand once, and the documents keep to their sizes. */
import { describe, expect, test } from "vitest";
import { figureFiles, figures } from "../../docs/figures.ts";
import { documents, HISTORY, prose, read } from "./markdown.ts";

/** What users read first: there a figure of figures.json is quoted by its mark, never copied. */
const QUOTING = documents.filter(
  (document) =>
    /^(?:README\.md|docs\/use\/.*|models\/[\w.-]+\/README\.md)$/.test(document) && !HISTORY.includes(document),
);
const uses = documents.filter((document) => document.startsWith("docs/use/"));
const words = (document: string): number =>
  read(document)
    .split(/\s+/)
    .filter((word) => word !== "").length;
const numbers = (figure: string): string[] => figure.match(/\d[\d,]*(?:\.\d+)?/g) ?? [];

test("every figure is complete, and its id is its own", () => {
  for (const { what, figure, machine, date, command } of figures) {
    expect([what, figure, machine, date, command]).not.toContain("");
  }
  const ids = figures.flatMap(({ id }) => id ?? []);
  expect(ids).toEqual([...new Set(ids)]);
});

test("pages and RESULTS are what figures.json gives", () => {
  for (const [file, text] of Object.entries(figureFiles())) expect(read(file), file).toBe(text);
});

test("a page that quotes a figure has it from figures.json", () => {
  const known = figures.flatMap(({ id, figure }) => (id === undefined ? [] : numbers(figure)));
  const telling = known.filter((number) => /^\d+\.\d\d$/.test(number));
  const copied = QUOTING.flatMap((document) =>
    telling
      .filter((number) => new RegExp(`(?<![\\d.,])${number.replace(".", "\\.")}(?![\\d.]|<!--=)`).test(read(document)))
      .map((number) => `${document}: ${number}`),
  );
  expect(copied).toEqual([]);
});

test("README has at most 600 words", () => {
  expect(words("README.md")).toBeLessThanOrEqual(600);
});

describe("docs/use", () => {
  test("has at most 15,000 words", () => {
    expect(uses.reduce((sum, document) => sum + words(document), 0)).toBeLessThanOrEqual(15_000);
  });

  test.each(uses)("%s has at most two tables", (document) => {
    expect(prose(read(document)).match(/^\|(?:-+\|)+$/gm)?.length ?? 0).toBeLessThanOrEqual(2);
  });
});
