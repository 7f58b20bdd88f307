/**
 * The code of a user's own project as text for a draft: pieces, pieces with a hole to fill in, and snippets to ask
 * about.
 */
import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import { draws } from "../questions/draw.ts";
import { type Snippet, snippetsOf } from "../questions/snippets.ts";
import { asLines } from "../text/text-file.ts";
import type { CodeWords } from "./code-words.ts";
import { positionsOf } from "./material.ts";
import { type Piece, piecesOf } from "./pieces.ts";
import { languageOf, type SourceFile, sourceFiles } from "./source-files.ts";

export interface TakenProject {
  readonly name: string;
  /** Source files that were read. */
  readonly files: number;
  readonly positions: number;
  /** Functions and classes, for questions about code. */
  readonly snippets: readonly Snippet[];
}

/**
 * Writes pieces of a project to a corpus, half of them with a hole to fill in where the target can, of `most` positions
 * together. Throws `no_text` where the folder has none.
 */
export async function takeProject(
  folder: string,
  to: string,
  most: number,
  words: CodeWords,
  seed: number,
): Promise<TakenProject> {
  const { files, pieces, snippets } = projectText(folder, most, words, seed);
  if (pieces.length === 0) {
    throw new OutriderError(
      "no_text",
      `${folder}: no source file in it has 256 tokens of code that people wrote; name a project's folder, or a file ` +
        "of text",
    );
  }
  // Nobody asked for such a text, so none of it is held out or scored.
  await writeFile(to, asLines(pieces.map((piece) => ({ ...piece, split: "train" }))));
  return { name: path.basename(path.resolve(folder)), files, positions: positionsOf(pieces), snippets };
}

export const isProject = (text: string): boolean => statSync(text, { throwIfNoEntry: false })?.isDirectory() === true;

/** A digest of a project's source files, which are told apart by size and time. */
export function projectIdentity(folder: string): string {
  const files = filesIn(folder).map((file) => {
    const { size, mtimeMs } = statSync(file);
    return [path.relative(folder, file), size, mtimeMs];
  });
  return createHash("sha256").update(JSON.stringify(files)).digest("hex");
}

/** Folders of what others wrote, or what programs made of the sources. Hidden ones are left out too. */
const NOT_OWN = new Set([
  "node_modules",
  "bower_components",
  "venv",
  "site-packages",
  "target",
  "dist",
  "build",
  "out",
]);

/** Characters that are read for a position: a token of code has three or four, and no file is used from its start. */
const CHARACTERS = 8;

interface Project {
  readonly files: number;
  readonly pieces: readonly Piece[];
  readonly snippets: readonly Snippet[];
}

/**
 * Pieces of a project's files with `most` positions together, drawn from all over the project, and the snippets of
 * the files that were read. The same seed draws the same.
 */
export function projectText(folder: string, most: number, words: CodeWords, seed: number): Project {
  const read: SourceFile[] = [];
  const own = { name: path.basename(path.resolve(folder)), version: "", licence: "", root: folder };
  const seen = new Set<string>();
  let characters = 0;
  for (const file of shuffled(filesIn(folder), seed)) {
    if (characters > CHARACTERS * most) break;
    for (const source of sourceFiles({ ...own, files: [file] }, seen)) {
      read.push(source);
      characters += source.text.length;
    }
  }
  const all = read.flatMap((file, n) => piecesOf(file, Infinity, words, draws(seed, n)));
  let positions = 0;
  const pieces = shuffled(all, seed).filter(
    ({ prompt, answer }) => (positions += prompt.length + answer.length - 1) <= most,
  );
  return { files: read.length, pieces, snippets: read.flatMap(({ language, text }) => snippetsOf(language, text)) };
}

/** The source files of a project in the order of their paths, without hidden ones and those of `NOT_OWN`. */
function filesIn(folder: string, root = folder): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    if (entry.name.startsWith(".") || NOT_OWN.has(entry.name)) return [];
    const inside = path.join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(inside, root);
    return entry.isFile() && languageOf(inside, root) ? [inside] : [];
  });
}

/** A list in an order drawn by chance. */
function shuffled<T>(list: readonly T[], seed: number): T[] {
  const { number } = draws(seed, list.length);
  const left = [...list];
  return list.map(() => {
    const at = number(0, left.length - 1);
    const drawn = left[at]!;
    left[at] = left.at(-1)!;
    left.pop();
    return drawn;
  });
}
