/** Every command line of `outrider` that a document shows has a command and options that exist. */
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

function optionsOf(words: readonly string[]): string[] {
  return words.filter((word) => word.startsWith("--")).map((word) => word.replace(/=.*/, ""));
}
