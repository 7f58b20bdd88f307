/** The documents of the project, and the parts of Markdown that the tests look at. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { markdownFiles } from "../../docs/markdown-files.ts";

export const ROOT = resolve(import.meta.dirname, "../..");

/** Paths of all documents, relative to the repository. */
export const documents: readonly string[] = markdownFiles(ROOT);

/** Logs keep the words and names of their day. */
export const HISTORY: readonly string[] = documents.filter((document) =>
  /^(?:docs\/record\/(?:log|drafts\/).*|test\/bench\/RESULTS\.md|CHANGELOG\.md)$/.test(document),
);

export const read = (document: string): string => readFileSync(resolve(ROOT, document), "utf8");

export interface CodeBlock {
  readonly language: string;
  /** What stands behind the language: `run`, `start` or nothing. */
  readonly marker: string;
  readonly code: string;
}

export function codeBlocks(text: string): CodeBlock[] {
  return [...text.matchAll(/^```(\S*) ?(\S*)\n(.*?)^```$/gms)].map(([, language = "", marker = "", code = ""]) => ({
    language,
    marker,
    code,
  }));
}

/** The text without code blocks and comments. */
export const prose = (text: string): string => text.replaceAll(/^```.*?^```$/gms, "").replaceAll(/<!--.*?-->/gs, "");

/** Inline code. */
export const inlineCode = (text: string): string[] =>
  [...prose(text).matchAll(/`([^`\n]+)`/g)].map((match) => match[1] as string);

/** Anchors of the headings, as GitHub makes them. */
export const anchors = (text: string): Set<string> =>
  new Set(
    [...prose(text).matchAll(/^#+ (.*)$/gm)].map((match) =>
      (match[1] as string)
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );

/** Commands of a shell block, a line each: comments dropped, continued lines joined, lists cut at `&&` and `;`. */
export function commands(code: string): string[] {
  return code
    .replaceAll("\\\n", " ")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*$/, ""))
    .flatMap((line) => line.split(/&&|;|\|/))
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** Sentences of the prose; every cell of a table, every heading and every item of a list ends one. */
export function sentences(text: string): string[] {
  return prose(text)
    .replaceAll(/^ *(?:[-*]|\d+\.) /gm, "\n\n")
    .replaceAll(/^#.*$/gm, "\n\n")
    .replaceAll("|", "\n\n")
    .replaceAll(/<[^>]+>/g, "\n\n")
    .split(/\n\s*\n/)
    .flatMap((paragraph) => paragraph.replaceAll(/\s+/g, " ").split(/(?<=[.!?:])["”)]?\s+/))
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "");
}
