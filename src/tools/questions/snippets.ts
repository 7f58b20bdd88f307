/** Functions and classes in source files, found by their indentation: a block is all that its head stands left of. */

/** A piece of code to ask about. */
export interface Snippet {
  /** As it stands after three backticks. */
  readonly language: string;
  readonly code: string;
}

const C_LIKE = /^\s*(?:[\w:<>,*&~[\]]+ +)+[*&]?[\w:~]+\s*\([^;]*\)?[^;]*\{$/;
const HEADS: Readonly<Record<string, RegExp>> = {
  python: /^\s*(?:async )?(?:def|class) \w+/,
  javascript:
    /^\s*(?:export )?(?:default )?(?:async )?(?:function\*?|class) \w+.*\{$|^(?:const|exports\.|module\.).*=>? *\{$/,
  typescript: /^\s*(?:export )?(?:default )?(?:abstract )?(?:async )?(?:function\*?|class|interface) \w+.*[{(]$/,
  java: /^\s*(?:public|private|protected|static|final|abstract|class|interface|enum) .*\{$/,
  kotlin: /^\s*(?:private |override |internal |data |suspend )*(?:fun|class|object) .*\{$/,
  swift: /^\s*(?:public |private |static )*(?:func|class|struct|extension) .*\{$/,
  go: /^(?:func|type) .*\{$/,
  rust: /^\s*(?:pub(?:\(\w+\))? )?(?:const )?(?:unsafe )?(?:fn|impl|struct|enum|trait)\b.*\{$/,
  c: C_LIKE,
  cpp: C_LIKE,
  csharp: /^\s*(?:public|private|protected|internal|static) .*$/,
  php: /^\s*(?:(?:public|private|protected|static|final|abstract) )*function .*$/,
  ruby: /^\s*(?:def|class|module) .*$/,
  css: /^[.#@\w][^;]*\{$/,
};
const ALIKE: Readonly<Record<string, string>> = { jsx: "javascript", tsx: "typescript", scss: "css" };

/** Lines and characters of a snippet. */
const LINES = { low: 5, high: 40 };
const CHARACTERS = 1500;

const indent = (line: string): number => line.length - line.trimStart().length;

/** Functions and classes of 5 to 40 lines, each moved to the left margin. */
export function snippetsOf(language: string, text: string): Snippet[] {
  const head = HEADS[ALIKE[language] ?? language];
  if (!head) return [];
  const lines = text.split("\n");
  return lines.flatMap((line, start) => {
    if (!head.test(line)) return [];
    const code = lines.slice(start, blockEnd(lines, start));
    const left = indent(line);
    const moved = code
      .map((each) => each.slice(Math.min(left, indent(each))))
      .join("\n")
      .trimEnd();
    const fits = code.length >= LINES.low && code.length <= LINES.high && moved.length <= CHARACTERS;
    return fits ? [{ language, code: moved }] : [];
  });
}

/** The line behind the block whose head is line `start`: the first one not right of the head, or behind its end. */
export function blockEnd(lines: readonly string[], start: number): number {
  const left = indent(lines[start]!);
  let end = start + 1;
  let opened = false;
  for (; end < lines.length; end++) {
    const line = lines[end]!;
    if (line.trim() === "" || indent(line) > left) {
      opened ||= line.trim() !== "";
      continue;
    }
    if (!opened && /^\s*[{)]/.test(line)) continue;
    if (/^\s*(?:[}\])]|end\b)/.test(line)) {
      // `) -> int:` and `) {` close the head, not the block.
      if (/[{:]$/.test(line)) continue;
      return end + 1;
    }
    break;
  }
  while (end > start + 1 && lines[end - 1]!.trim() === "") end--;
  return end;
}
