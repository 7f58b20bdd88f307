/** Source files that are worth teaching from: written by people, of a known language, and no two the same. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";

/** Source files with one name and one licence. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** As the package states it: an SPDX expression or a name. Empty if it states none. */
  readonly licence: string;
  /** Paths, in the order of their names. */
  readonly files: string[];
  /** What lies above this folder says nothing about the files. */
  readonly root?: string;
}

export interface SourceFile {
  /** As it stands after three backticks. */
  readonly language: string;
  /** The file's own name, without its folder. */
  readonly name: string;
  /** The text from behind the notice of copyright. */
  readonly text: string;
  /** `name version (licence)` of its package. */
  readonly origin: string;
}

const LANGUAGES: Readonly<Record<string, string>> = {
  ".py": "python",
  ".js": "javascript",
  ".mjs": "javascript",
  ".cjs": "javascript",
  ".jsx": "jsx",
  ".ts": "typescript",
  ".tsx": "tsx",
  ".java": "java",
  ".kt": "kotlin",
  ".swift": "swift",
  ".go": "go",
  ".rs": "rust",
  ".c": "c",
  ".h": "c",
  ".cc": "cpp",
  ".cpp": "cpp",
  ".hpp": "cpp",
  ".cs": "csharp",
  ".php": "php",
  ".rb": "ruby",
  ".sh": "bash",
  ".sql": "sql",
  ".css": "css",
  ".scss": "scss",
  ".html": "html",
  ".vue": "vue",
};

/** Characters of a file. */
const SHORTEST = 500;
const LONGEST = 60_000;
/** Characters of a line at most: a longer one is data, or minified. */
const LINE = 160;

/** Signs of a file that a program wrote: compilers, bundlers, generators. */
const WRITTEN_BY_PROGRAMS = [
  /generated (?:automatically|by|from)|auto(?:matically )?-?generated|do not (?:edit|modify)|@preserve/i,
  /__webpack_require__|__esModule|__commonJS|__defProp|__toESM|_classCallCheck|tslib/,
];

/** Folders with the code of others, or with data; and names of files that programs wrote. */
const OUT_OF_PLACE = [
  /[/\\](?:_?vendor|third_party|locales?|i18n|fixtures|testdata|encodings|__pycache__)[/\\]/,
  /[/\\]include[/\\]node[/\\]|\.min\.|\.d\.[cm]?ts$|\.pb\.|_pb2/,
];

/** The language of a file that its name alone does not rule out. */
export function languageOf(file: string, root = "/"): string | undefined {
  const place = `/${path.relative(root, file)}`;
  return OUT_OF_PLACE.some((pattern) => pattern.test(place)) ? undefined : LANGUAGES[path.extname(file)];
}

/** The files of a package that pass; `seen` has a digest of each text so far, of whatever package. */
export function sourceFiles({ name, version, licence, files, root }: Package, seen: Set<string>): SourceFile[] {
  return files.flatMap((file) => {
    const language = languageOf(file, root);
    if (!language) return [];
    const text = withoutNotice(readFileSync(file, "utf8").replaceAll("\r\n", "\n"));
    if (!isWritten(text)) return [];
    const digest = createHash("sha256").update(text.replace(/\s+/g, "")).digest("hex");
    if (seen.has(digest)) return [];
    seen.add(digest);
    return [{ language, name: path.basename(file), text, origin: `${name} ${version} (${licence})` }];
  });
}

/** Whether people wrote a text: of a usual size, without long lines, mostly ASCII, not a table of numbers. */
export function isWritten(text: string): boolean {
  if (text.length < SHORTEST || text.length > LONGEST) return false;
  if (text.split("\n").some((line) => line.length > LINE)) return false;
  const share = (pattern: RegExp) => (text.match(pattern)?.length ?? 0) / text.length;
  if (share(/[^\t\n -~]/g) > 0.01 || share(/[0-9]/g) > 0.12) return false;
  const lines = text.split("\n");
  const table = lines.filter((line) => /^\s*["'\d([{]/.test(line)).length;
  return table < 0.4 * lines.length && !WRITTEN_BY_PROGRAMS.some((pattern) => pattern.test(text));
}

/** Cuts off a comment at the beginning that states a copyright or a licence: each package has its own in every file. */
function withoutNotice(text: string): string {
  const comment = /^(?:#!.*\n)?\s*(?:\/\*[\s\S]*?\*\/|(?:\/\/.*\n)+|(?:#(?!!).*\n)+|<!--[\s\S]*?-->)\s*/.exec(
    text,
  )?.[0];
  return comment && /copyright|licen[cs]e/i.test(comment) ? text.slice(comment.length) : text.replace(/^\s*\n/, "");
}
