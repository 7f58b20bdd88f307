/** Text for teaching from source files on this machine; `node models/distil/code.ts --help` says what it takes. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { attempt } from "../../src/tools/commands/attempt.ts";
import { command } from "../../src/tools/commands/command.ts";
import { text, texts, usage, whole } from "../../src/tools/commands/options.ts";
import { codeWords } from "../../src/tools/make/code-words.ts";
import { piecesOf } from "../../src/tools/make/pieces.ts";
import { type Package, type SourceFile, sourceFiles } from "../../src/tools/make/source-files.ts";
import { draws } from "../../src/tools/questions/draw.ts";
import { snippetsOf } from "../../src/tools/questions/snippets.ts";
import { asLines } from "../../src/tools/text/text-file.ts";
import { editTurns, isEditable } from "./edits.ts";
import { inTurn } from "./in-turn.ts";
import { isPermissive } from "./licences.ts";
import { packagesIn } from "./packages.ts";

/** At most so many of one file: no single one is to dominate. */
const PIECES_OF_A_FILE = 3;
const SNIPPETS_OF_A_FILE = 5;

const codeCommand = command({
  examples: [
    [
      "node models/distil/code.ts --out text --tokenizer target-pack --from node_modules",
      "code of packages that npm, pip, Cargo or Debian have unpacked, as far as their licence is permissive",
    ],
    [
      "node models/distil/code.ts --out text --tokenizer target-pack --library python=PSF-2.0=/usr/lib/python3.11",
      "a standard library, whose licence no manifest states",
    ],
  ],
  options: {
    out: text("FOLDER", "where the four files go", { required: true }),
    tokenizer: text("PACK", "the target's pack, or another one with its tokenizer", { required: true }),
    from: texts("FOLDER", "holds packages; may be given several times, as --library may"),
    library: texts("NAME=LICENCE=FOLDER", "all files of a folder, under this licence"),
    pieces: whole("lines of a corpus at most", { from: 0, default: 3000 }),
    edits: whole("questions at most that give a file and ask for a change", { from: 0, default: 1500 }),
    snippets: whole("functions and classes at most", { from: 0, default: 8000 }),
    seed: whole("same seed, same files", { from: 0, default: 0 }),
  },
  notes: `Writes pieces.jsonl (lines of a corpus), edits.jsonl (questions for the target), snippets.jsonl (for ask.ts
--snippets), and sources.jsonl: what each package with its licence gave, and which were left out.`,
  async run({ out, tokenizer, from, library, pieces, edits, snippets, seed }) {
    if (from.length + library.length === 0) throw usage("one of --from and --library is needed");
    const write = (name: string, lines: readonly unknown[]): void => {
      writeFileSync(path.join(out, name), asLines(lines));
      console.log(`${name}: ${lines.length}`);
    };
    mkdirSync(out, { recursive: true });
    const packages = [...library.map(libraryOf), ...from.flatMap(packagesIn)];
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

    const read = (name: string) => readFileSync(path.join(tokenizer, name), "utf8");
    const words = codeWords(openTokenizer(read("tokenizer.json")), read("tokenizer_config.json"), []);

    const mixed = inTurn(files, seed);
    write(
      "pieces.jsonl",
      firstOf(pieces, mixed, (file, n) => piecesOf(file, PIECES_OF_A_FILE, words, draws(seed, n))),
    );
    write(
      "edits.jsonl",
      firstOf(edits, [...mixed, ...mixed].filter(isEditable), (file, n) => [
        { turns: editTurns(file, draws(seed + 1, n)) },
      ]),
    );
    write(
      "snippets.jsonl",
      firstOf(snippets, mixed, (file, n) => {
        const found = snippetsOf(file.language, file.text);
        const { of } = draws(seed + 2, n);
        return [...new Set(Array.from({ length: Math.min(SNIPPETS_OF_A_FILE, found.length) }, () => of(found)))];
      }),
    );
  },
});

/** A package of all files below a folder, whatever manifests are in it. */
function libraryOf(given: string): Package {
  const [name, licence, folder] = given.split("=");
  if (!name || !licence || !folder) throw usage(`--library is NAME=LICENCE=FOLDER, not "${given}"`);
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

process.exitCode = await attempt(
  "node models/distil/code.ts",
  "Makes text for teaching from source files on this machine.",
  codeCommand,
  process.argv.slice(2),
);
