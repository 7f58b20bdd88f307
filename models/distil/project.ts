/** The code of a user's own project as text for a draft: pieces, pieces with a hole to fill in, and snippets. */
import { readdirSync } from "node:fs";
import path from "node:path";
import { draws } from "./draw.ts";
import { type Piece, piecesOf, type Words } from "./pieces.ts";
import { type Snippet, snippetsOf } from "./snippets.ts";
import { languageOf, type SourceFile, sourceFiles } from "./source-files.ts";

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

export interface Project {
  readonly files: number;
  readonly pieces: readonly Piece[];
  readonly snippets: readonly Snippet[];
}

/**
 * Pieces of a project's files with `most` positions together, drawn from all over the project, and the snippets of
 * the files that were read. The same seed draws the same.
 */
export function projectText(folder: string, most: number, words: Words, seed: number): Project {
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
export function filesIn(folder: string, root = folder): string[] {
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
