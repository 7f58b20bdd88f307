/**
 * Text for teaching from source files on this machine:
 *
 *   node models/distil/code.ts --out FOLDER --tokenizer PACK --from FOLDER… [--library NAME=LICENCE=FOLDER…]
 *     [--pieces 3000] [--edits 1500] [--snippets 8000] [--seed 0]
 *
 * `--from` names folders in which npm, pip, Cargo or Debian have unpacked packages; only those with a permissive
 * licence are read. `--library` names a folder whose licence no manifest states, such as a language's standard library.
 * Writes pieces.jsonl (lines of a corpus), edits.jsonl (questions for the target), snippets.jsonl (for `ask.ts
 * --snippets`), and sources.jsonl: what each package with its licence gave, and which were left out.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { codeWords } from "../../src/make/code-words.ts";
import { openTokenizer } from "../../src/model/tokenizer.ts";
import { draws } from "./draw.ts";
import { editTurns, isEditable } from "./edits.ts";
import { inTurn } from "./in-turn.ts";
import { isPermissive } from "./licences.ts";
import { type Package, packagesIn } from "./packages.ts";
import { piecesOf } from "./pieces.ts";
import { snippetsOf } from "./snippets.ts";
import { type SourceFile, sourceFiles } from "./source-files.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    tokenizer: { type: "string" },
    from: { type: "string", multiple: true, default: [] },
    library: { type: "string", multiple: true, default: [] },
    pieces: { type: "string", default: "3000" },
    edits: { type: "string", default: "1500" },
    snippets: { type: "string", default: "8000" },
    seed: { type: "string", default: "0" },
  },
});
const { out, tokenizer: pack } = values;
if (!out || !pack || values.from.length + values.library.length === 0) {
  console.error("--out FOLDER, --tokenizer PACK and --from FOLDER or --library NAME=LICENCE=FOLDER are needed");
  process.exit(1);
}
mkdirSync(out, { recursive: true });
const seed = Number(values.seed);

/** At most so many of one file: no single one is to dominate. */
const PIECES_OF_A_FILE = 3;
const SNIPPETS_OF_A_FILE = 5;

const packages = [...values.library.map(libraryOf), ...values.from.flatMap(packagesIn)];
const seen = new Set<string>();
const files: SourceFile[] = [];
const sources = packages.map((found) => {
  const { name, version, licence } = found;
  const permissive = isPermissive(licence);
  const taken = permissive ? sourceFiles(found, seen) : [];
  for (const file of taken) files.push(file);
  return { name, version, licence, permissive, files: taken.length };
});
write("sources.jsonl", sources);

const read = (name: string) => readFileSync(path.join(pack, name), "utf8");
const words = codeWords(openTokenizer(read("tokenizer.json")), read("tokenizer_config.json"), []);

const mixed = inTurn(files, seed);
write(
  "pieces.jsonl",
  firstOf(Number(values.pieces), mixed, (file, n) => piecesOf(file, PIECES_OF_A_FILE, words, draws(seed, n))),
);
write(
  "edits.jsonl",
  firstOf(Number(values.edits), [...mixed, ...mixed].filter(isEditable), (file, n) => [
    { turns: editTurns(file, draws(seed + 1, n)) },
  ]),
);
write(
  "snippets.jsonl",
  firstOf(Number(values.snippets), mixed, (file, n) => {
    const found = snippetsOf(file.language, file.text);
    const { of } = draws(seed + 2, n);
    return [...new Set(Array.from({ length: Math.min(SNIPPETS_OF_A_FILE, found.length) }, () => of(found)))];
  }),
);

/** A package of all files below a folder, whatever manifests are in it. */
function libraryOf(text: string): Package {
  const [name, licence, folder] = text.split("=");
  if (!name || !licence || !folder) throw new Error(`--library ${text}: it must be NAME=LICENCE=FOLDER`);
  const inside = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = inside.map((entry) => path.join(entry.parentPath, entry.name)).sort();
  return { name, version: "", licence, files };
}

/** At most `most` of what the files give. */
function firstOf<T>(
  most: number,
  from: readonly SourceFile[],
  make: (file: SourceFile, n: number) => readonly T[],
): T[] {
  const made: T[] = [];
  for (const [n, file] of from.entries()) {
    if (made.length >= most) break;
    made.push(...make(file, n));
  }
  return made.slice(0, most);
}

function write(name: string, lines: readonly unknown[]): void {
  writeFileSync(path.join(out!, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  console.log(`${name}: ${lines.length}`);
}
