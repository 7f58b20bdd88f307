/**
 * Every command line of `outrider` that a document shows has a command and options that exist, and an option exists
 * because a document tells somebody to use it.
 */
import { describe, expect, test } from "vitest";
import { helps } from "../../docs/commands.ts";
import { codeBlocks, commands, documents, HISTORY, inlineCode, read } from "./markdown.ts";

const pages = await helps();
const present = documents.filter((document) => !HISTORY.includes(document));

describe("commands that are shown", () => {
  const shown = present.flatMap((document) => {
    const text = read(document);
    const lines = [...codeBlocks(text).flatMap(({ code }) => commands(code)), ...inlineCode(text)];
    return lines.flatMap((line) => {
      const words = /^(?:npx )?outrider ((?:[^"']|"[^"]*")*)$/.exec(line)?.[1]?.split(/\s+/);
      return words ? [{ document, command: words[0] as string, options: optionsOf(words.slice(1)) }] : [];
    });
  });
  const names = [...new Set(shown.map(({ command }) => command))].filter((name) => /^[a-z]+$/.test(name)).sort();

  test("some are shown", () => expect(names.length).toBeGreaterThan(4));

  test.each(names)("outrider %s, and every option of it", (name) => {
    const known = new Set([...(pages.get(name) ?? "").matchAll(/--[a-z][\w-]*/g)].map(([option]) => option));
    const unknown = shown
      .filter(({ command }) => command === name)
      .flatMap(({ document, options }) => options.map((option) => ({ document, option })))
      .filter(({ option }) => !known.has(option));
    expect({ known: pages.has(name), unknown }).toEqual({ known: true, unknown: [] });
  });
});

describe("options", () => {
  const listed = [...pages.values()].flatMap((page) =>
    [...page.matchAll(/^ {2}(--[a-z][\w-]*)/gm)].map(([, name]) => name!),
  );

  test("are no more than 110", () => {
    expect(listed.length).toBeGreaterThan(80);
    expect(listed.length).toBeLessThanOrEqual(110);
  });

  test("are each named by a document that is not made from them", () => {
    const written = present.filter((document) => !document.endsWith("/commands.md")).map(read);
    const named = new Set(written.flatMap((text) => [...text.matchAll(/--[a-z][\w-]*/g)].map(([name]) => name)));
    expect([...new Set(listed)].filter((name) => !named.has(name))).toEqual([]);
  });
});

test("variables and secrets of an edge are no more than 14, each with a row", () => {
  const rows = [...read("docs/reference/edge.md").matchAll(/^\| `([A-Z_]+)` \| (?:variable|secret) \|/gm)];
  const settings = rows.map(([, name]) => name!);
  expect(settings.length).toBeLessThanOrEqual(14);
  // What the Worker reads: strings and numbers; bindings have other types.
  const known = [...read("src/edge/env.ts").matchAll(/^ {2}readonly ([A-Z_]+)\?: (?:number \| )?string;/gm)];
  expect(settings.sort()).toEqual(known.map(([, name]) => name!).sort());
});

function optionsOf(words: readonly string[]): string[] {
  return words.filter((word) => word.startsWith("--")).map((word) => word.replace(/=.*/, ""));
}
