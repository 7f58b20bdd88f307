/** A folder of the user's source code as text for a draft (models/distil/project.ts). */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import { asLines } from "../text/text-file.ts";
import type { CodeWords } from "./code-words.ts";
import { fromDistil } from "./from-distil.ts";
import { type CorpusLine, positionsOf } from "./material.ts";

interface Projects {
  projectText(
    folder: string,
    most: number,
    words: CodeWords,
    seed: number,
  ): { readonly files: number; readonly pieces: readonly CorpusLine[]; readonly snippets: readonly object[] };
  filesIn(folder: string): string[];
}

const projects = (): Promise<Projects> => fromDistil<Projects>("project");

export interface TakenProject {
  readonly name: string;
  /** Source files that were read. */
  readonly files: number;
  readonly positions: number;
  /** Functions and classes, for questions about code. */
  readonly snippets: readonly object[];
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
  const { projectText } = await projects();
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
export async function projectIdentity(folder: string): Promise<string> {
  const files = (await projects()).filesIn(folder).map((file) => {
    const { size, mtimeMs } = statSync(file);
    return [path.relative(folder, file), size, mtimeMs];
  });
  return createHash("sha256").update(JSON.stringify(files)).digest("hex");
}
