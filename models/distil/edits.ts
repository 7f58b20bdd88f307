/** Questions that give a whole file and ask for a change of it: the answer repeats most of the prompt. */

import type { SourceFile } from "../../src/tools/make/source-files.ts";
import { broken } from "../../src/tools/questions/code-questions.ts";
import { FLAGS } from "../../src/tools/questions/code-topics.ts";
import type { Draw } from "../../src/tools/questions/draw.ts";
import { snippetsOf } from "../../src/tools/questions/snippets.ts";

/** Lines of a given file. */
const FILE_LINES = { low: 60, high: 200 };

/** Whether a file can be given: its length, and that it has at least two functions or classes to change. */
export const isEditable = ({ text, language }: SourceFile): boolean => {
  const lines = text.trimEnd().split("\n").length;
  const blocks = language === "css" || language === "scss" ? [] : snippetsOf(language, text);
  return lines >= FILE_LINES.low && lines <= FILE_LINES.high && blocks.length > 1;
};

/** The user's turns of a conversation about one file: a change of it, and sometimes another. */
export function editTurns(file: SourceFile, draw: Draw): readonly string[] {
  const { of, number } = draw;
  const { ask, text } = of([rename, rename, rename, types, types, repair, repair, repair, ...CHANGES])(file, draw);
  const given = of([
    `Here is the file \`${file.name}\`:\n\n${fenced(file.language, text)}\n\n${ask}`,
    `${ask}\n\n${fenced(file.language, text)}`,
    `${ask}\n\n${file.name}:\n${fenced(file.language, text)}`,
    `This is ${file.name}.\n\n${fenced(file.language, text)}\n\n${ask}`,
    `\`\`\`${file.language}\n${text.trimEnd()}\n\`\`\`\n${ask}`,
    `File: ${file.name}\n\n${text.trimEnd()}\n\n---\n${ask}`,
  ]);
  if (number(1, 10) > 1) return [given];
  return [given, of([rename, types, ...CHANGES])(file, draw).ask];
}

const fenced = (language: string, text: string): string => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;

type Change = (file: SourceFile, draw: Draw) => { readonly ask: string; readonly text: string };

/** How much is to be written; mostly the whole file, as editors ask for it. */
const extent = ({ of }: Draw): string =>
  of([
    " Return the complete file.",
    " Return the complete file.",
    " Give me the full updated file.",
    " Output the whole file and nothing else.",
    " Print the file with the change.",
    " Change nothing else.",
    " Keep everything else exactly as it is and return all of it.",
    " Show only the functions that change.",
    "",
  ]);

/** Names of a file that occur three times and more and are no words of the language. */
function namesIn(text: string): string[] {
  const code = text.replace(/#.*|\/\/.*|"[^"\n]*"|'[^'\n]*'|\/\*[\s\S]*?\*\/|"""[\s\S]*?"""/g, "");
  const counts = new Map<string, number>();
  for (const name of code.match(/\b[A-Za-z_]\w{3,}\b/g) ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].filter(([name, count]) => count >= 3 && !RESERVED.has(name)).map(([name]) => name);
}

const RESERVED: ReadonlySet<string> = new Set(
  (
    "Array Error False None Object Option Promise Result Self Some String True __init__ __name__ abstract " +
    "array async await begin bool boolean break case catch char class const continue default defer define " +
    "double echo elif else endif enum error except export extends false final finally float foreach from func " +
    "function ifdef impl implements import include instanceof interface isinstance lambda long match module " +
    "namespace null nullptr number override package pass print private protected public raise range require " +
    "rescue return self size_t sizeof static string struct super switch template then this throw throws true " +
    "type typename typeof uint32_t uint8_t undefined unless unsigned unwrap vector void where while with yield"
  ).split(" "),
);

const rename: Change = (file, draw) => {
  const { of, number } = draw;
  const names = namesIn(file.text);
  if (names.length === 0) return types(file, draw);
  const old = of(names);
  const renamed = newName(old, draw);
  const ask = of([
    `Rename \`${old}\` to \`${renamed}\`.`,
    `Rename ${old} to ${renamed} everywhere in this file.`,
    `Please rename \`${old}\` to \`${renamed}\` throughout.`,
    `Change the name ${old} to ${renamed}.`,
    `\`${old}\` should be called \`${renamed}\`. Update the file.`,
  ]);
  const other = of(names);
  const also = number(1, 4) === 1 && other !== old ? ` Also rename \`${other}\` to \`${newName(other, draw)}\`.` : "";
  return { ask: ask + also + extent(draw), text: file.text };
};

/** Another name in the same style. */
function newName(old: string, { of }: Draw): string {
  const extra = of(["new", "base", "inner", "main", "local", "current", "target", "source", "parsed", "raw", "shared"]);
  if (/^[A-Z][A-Z0-9_]*$/.test(old)) return of([`${extra.toUpperCase()}_${old}`, `${old}_VALUE`, `DEFAULT_${old}`]);
  const capital = extra[0]!.toUpperCase() + extra.slice(1);
  if (/^[A-Z]/.test(old)) return of([`${capital}${old}`, `${old}Base`, `${old}Impl`, `${old}Info`]);
  if (old.includes("_") || old === old.toLowerCase()) {
    return of([`${extra}_${old}`, `${old}_${of(["value", "item", "data", "list", "count", "name"])}`]);
  }
  return of([`${extra}${old[0]!.toUpperCase()}${old.slice(1)}`, `${old}${of(["Value", "Item", "Data", "Count"])}`]);
}

const types: Change = ({ language, text }, draw) => {
  const asks: Readonly<Record<string, readonly string[]>> = {
    python: [
      "Add type hints to all functions.",
      "Add type annotations to the parameters and return values.",
      "Annotate this module with types. Use modern syntax such as `list[str]` and `X | None`.",
      "Add type hints so that mypy --strict passes.",
    ],
    javascript: [
      "Convert this file to TypeScript.",
      "Add JSDoc types to all functions.",
      "Add types: make this a TypeScript file.",
    ],
    typescript: [
      text.includes(": any") ? "Replace `any` by precise types." : "Add explicit return types to all functions.",
      "Make all fields and parameters readonly where they are not changed.",
    ],
    php: ["Add parameter and return types to all functions."],
    ruby: ["Add YARD comments with types to all methods."],
  };
  const ask = draw.of(asks[language] ?? ["Add a doc comment with parameter and return types to each function."]);
  return { ask: ask + extent(draw), text };
};

const repair: Change = ({ text }, draw) => ({
  ask:
    draw.of([
      "There is a bug in this file. Find it and fix it.",
      "Fix the bug.",
      "The tests for this file fail since the last change. Fix it.",
      "Something is wrong here: find the mistake and correct it.",
      "This does not work as it should. Repair it.",
      "One line in this file is wrong or missing. Correct it.",
    ]) + extent(draw),
  text: broken(text.trimEnd(), draw),
});

const change =
  (...asks: readonly string[]): Change =>
  ({ text }, draw) => ({ ask: draw.of(asks) + extent(draw), text });

const CHANGES: readonly Change[] = [
  change(
    "Add a short doc comment to every function that has none.",
    "Write docstrings or doc comments for all public functions and classes.",
    "Document this file for people who read it the first time.",
  ),
  change(
    "Add logging at the important places.",
    "Log a message wherever an error is raised or returned.",
    "Add debug output at the start and end of each function.",
  ),
  change(
    "Add error handling where it is missing.",
    "Check the arguments of the public functions and raise clear errors.",
    "Handle missing values without crashing.",
  ),
  change(
    "Replace magic numbers by named constants.",
    "Move constants to the top of the file.",
    "Sort the imports and remove those that are not used.",
    "Remove all comments.",
  ),
  change(
    "Use early returns to reduce nesting.",
    "Simplify the longest function of this file.",
    "Extract repeated code into a function.",
    "Make private what is not used from outside.",
  ),
  change(
    "Rename parameters with one letter to descriptive names.",
    "Convert string concatenation and old formatting to the modern form of the language.",
    "Apply the usual style guide of the language.",
  ),
  (file, draw) => {
    const flag = draw.of(FLAGS);
    return {
      ask: `Add an optional parameter \`${flag}\` to the main function and use it.${extent(draw)}`,
      text: file.text,
    };
  },
];
