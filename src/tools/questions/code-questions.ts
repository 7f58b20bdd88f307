/**
 * Coding questions for a corpus that drafts for code are trained on: functions and classes from a description, code to
 * complete, to explain, to test, to fix, to edit and to translate, libraries, shell, SQL, patterns, configuration,
 * pages, errors, concepts; alone and in conversations of two or three turns. One question in eight is an ordinary one
 * of questions.ts. The words are in code-topics.ts.
 */
import {
  CLASSES,
  CONCEPTS,
  CONFIGS,
  DEMANDS,
  ENTITIES,
  ERRORS,
  FLAGS,
  FOLLOW_UPS,
  LANGUAGES,
  LIBRARIES,
  NOUNS,
  PAGES,
  PATTERNS,
  SHELL,
  SQL,
  TASKS,
  VERBS,
} from "./code-topics.ts";
import { type Draw, different } from "./draw.ts";
import { capital, made } from "./made-code.ts";
import { kindsOf } from "./questions.ts";
import type { Snippet } from "./snippets.ts";

type Kind = (draw: Draw, given: () => Snippet) => readonly string[];

/** Puts drawn words into a text: {one}, {many}, {a}, {b} of one entity, {other}, {n}, {port} and so on. */
function filled(text: string, { of, number }: Draw): string {
  const entity = of(ENTITIES);
  const first = number(0, 4);
  const words: Readonly<Record<string, () => string>> = {
    one: () => entity.one,
    many: () => entity.many,
    a: () => entity.fields[first]!,
    b: () => entity.fields[(first + 1) % 5]!,
    other: () => of(ENTITIES).many,
    name: () => `${of(VERBS)}_${entity.one.replace(" ", "_")}`,
    lib: () => of(["utils", "models", "helpers", "config", "services", "db", "parser", "client"]),
    n: () => String(number(2, 20)),
    c: () => of([..."abcdefgmpstw"]),
    port: () => of(["3000", "8000", "8080", "5000", "5432", "443", "9090"]),
    ext: () => of(["txt", "log", "csv", "json", "py", "js", "md", "jpg", "html", "sh"]),
    db: () => of(["PostgreSQL", "MySQL", "Redis", "MongoDB"]),
    language: () => of(LANGUAGES),
  };
  const put = text.replace(/\{(\w+)\}/g, (all, word: string) => words[word]?.() ?? all);
  return put.replace(
    /\b([Aa]) (?=(?:account|employee|event|invoice|order|email|age|id|amount|author|album|origin)\b)/g,
    "$1n ",
  );
}

/** A function over records: the products of entities, fields and operations make these many. */
function records(draw: Draw): string {
  return filled(
    draw.of([
      "groups a list of {many} by {a} and returns the number of {many} in each group",
      "returns the {n} {many} with the highest {b}",
      "sorts {many} by {a} and, where that is equal, by {b}",
      "filters {many} whose {a} is in a given list",
      "finds the first {one} with a given {a}",
      "sums {b} of all {many} for each {a}",
      "reads {many} from a CSV file and returns them as objects with {a} and {b}",
      "writes {many} to a JSON file, ordered by {a}",
      "merges two lists of {many} by {a}, where the second list wins",
      "validates a {one}: {a} must be present and {b} must not be negative",
      "converts a {one} to a line of text with {a} and {b}",
      'parses a line such as "{a}: …, {b}: …" into a {one}',
      "updates {b} of the {one} with a given {a}",
      "removes {many} that have the same {a} and keeps the latest",
      "pages through {many}, {n} at a time",
      "builds an index from {a} to {many}",
      "returns the difference between two lists of {many}, compared by {a}",
      "loads {many} from an HTTP API and caches them for {n} minutes",
      "formats a table of {many} with the columns {a} and {b}",
      "counts how often each {a} occurs in a list of {many} and returns the most common {n}",
      "checks whether all {many} have a {a} and reports the ones that do not",
      "schedules a reminder for each {one} {n} days before {a}",
    ]),
    draw,
  );
}

const task = (draw: Draw): string => (draw.number(1, 3) === 1 ? records(draw) : draw.of(TASKS));

const fenced = ({ language, code }: Snippet): string => `\`\`\`${language}\n${code}\n\`\`\``;

const request = (draw: Draw): string => {
  const { of } = draw;
  const language = of(LANGUAGES);
  const what = task(draw);
  return of([
    `Write a ${language} function that ${what}.`,
    `Write a ${language} function that ${what}.`,
    `Write a function in ${language} that ${what}.`,
    `Write ${language} code that ${what}.`,
    `Implement a ${language} function which ${what}.`,
    `How do I write a function that ${what} in ${language}?`,
    `In ${language}, I need a function that ${what}. Can you write it?`,
    `${language}: a function that ${what}`,
    `please write ${language.toLowerCase()} code that ${what}`,
    `Create a ${language} program that ${what}.`,
    `Give me a ${language} implementation that ${what}.`,
    `I am learning ${language}. Show me how to write a function that ${what}.`,
  ]);
};

/** How a function's head is written; {f} is its name in the language's style. */
const HEADS: readonly { readonly language: string; readonly fence: string; readonly head: string }[] = [
  { language: "Python", fence: "python", head: 'def {f}({x}):\n    """{What}."""' },
  { language: "Python", fence: "python", head: 'def {f}({x}: {X}):\n    """\n    {What}.\n    """' },
  { language: "Python", fence: "python", head: "# {What}.\ndef {f}({x}, {y}=None):" },
  { language: "JavaScript", fence: "javascript", head: "/**\n * {What}.\n */\nfunction {f}({x}) {" },
  { language: "JavaScript", fence: "javascript", head: "// {What}.\nexport const {f} = ({x}) => {" },
  { language: "TypeScript", fence: "typescript", head: "/** {What}. */\nexport function {f}({x}: {X}): " },
  { language: "Java", fence: "java", head: "/**\n * {What}.\n */\npublic static {X} {f}({X} {x}) {" },
  { language: "Go", fence: "go", head: "// {F} {what}.\nfunc {F}({x} {X}) " },
  { language: "Rust", fence: "rust", head: "/// {What}.\npub fn {f}({x}: &{X}) -> " },
  { language: "C", fence: "c", head: "/* {What}. */\n{X} {f}({X} {x}, int {y})\n{" },
  { language: "C++", fence: "cpp", head: "// {What}.\n{X} {f}(const {X}& {x}) {" },
  { language: "C#", fence: "csharp", head: "/// <summary>{What}.</summary>\npublic static {X} {F}({X} {x})\n{" },
  { language: "PHP", fence: "php", head: "/**\n * {What}.\n */\nfunction {f}(\u0024{x})\n{" },
  { language: "Ruby", fence: "ruby", head: "# {What}.\ndef {f}({x})" },
  { language: "Kotlin", fence: "kotlin", head: "/** {What}. */\nfun {f}({x}: {X}): " },
];

const SNAKE: ReadonlySet<string> = new Set(["python", "rust", "c", "php", "ruby"]);
const TYPES: Readonly<Record<string, readonly string[]>> = {
  python: ["list[int]", "str", "list[str]", "dict[str, int]", "int"],
  typescript: ["number[]", "string", "string[]", "Map<string, number>", "unknown"],
  java: ["int[]", "String", "List<String>", "long", "Map<String, Integer>"],
  go: ["[]int", "string", "[]string", "map[string]int"],
  rust: ["[i32]", "str", "Vec<String>", "HashMap<String, u32>"],
  c: ["int", "char *", "size_t", "double *"],
  cpp: ["std::vector<int>", "std::string", "std::vector<std::string>", "int"],
  csharp: ["int[]", "string", "List<string>", "Dictionary<string, int>"],
  kotlin: ["List<Int>", "String", "Map<String, Int>"],
};

/** The beginning of a function: its head, and what it is to do as a comment. */
function started(draw: Draw): Snippet & { readonly name: string; readonly what: string; readonly spoken: string } {
  const { of } = draw;
  const { language, fence, head } = of(HEADS);
  const what = task(draw);
  const [verb, ...rest] = what
    .toLowerCase()
    .replace(/[^a-z0-9 ]/g, " ")
    .split(/\s+/)
    .filter(Boolean);
  const kept = rest.filter((word) => !LITTLE.has(word)).slice(0, draw.number(1, 3));
  const words = [
    verb!
      .replace(/ies$/, "y")
      .replace(/(ss|ch|sh|x|z)es$/, "$1")
      .replace(/([^s])s$/, "$1"),
    ...kept,
  ];
  const camel = capital(words.join("_"));
  const name = SNAKE.has(fence) ? words.join("_") : camel[0]!.toLowerCase() + camel.slice(1);
  const parts: Readonly<Record<string, string>> = {
    ...{ f: name, F: camel, what, What: what[0]!.toUpperCase() + what.slice(1) },
    x: of(["values", "items", "text", "data", "numbers", "input", "source", "records", "n", "s"]),
    y: of(["limit", "key", "size", "count", "start"]),
    X: of(TYPES[fence] ?? ["unknown"]),
  };
  const code = head.replace(/\{(f|F|what|What|x|y|X)\}/g, (_, part: string) => parts[part]!);
  return { language: fence, code, name, what, spoken: language };
}

const LITTLE: ReadonlySet<string> = new Set(
  "a an the of in to that is are and or by with from its it their each all for on whose not be as at if into".split(
    " ",
  ),
);

const description: Kind = (draw) => {
  if (draw.number(1, 4) > 1) return [request(draw) + draw.of(DEMANDS)];
  const { spoken, name, what } = started(draw);
  return [
    draw.of([
      `Write a ${spoken} function \`${name}\` that ${what}.`,
      `Write a function named ${name} in ${spoken}. It ${what}.`,
      `Implement \`${name}\` in ${spoken}: it ${what}.`,
      `I need ${name}(…) in ${spoken}, which ${what}.`,
    ]) + draw.of(DEMANDS),
  ];
};

const structure: Kind = (draw) => {
  const { of, number } = draw;
  const what =
    number(1, 4) === 1
      ? filled(
          of([
            "a repository of {many} with add, get, update and delete",
            "a {one} with {a}, {b} and a method that compares two of them",
            "a service that imports {many} and reports what failed",
            "a collection of {many} that can be filtered by {a} and sorted by {b}",
            "a builder of a {one} with {a} and {b}",
            "a {one} that notifies observers when {a} changes",
          ]),
          draw,
        )
      : of(CLASSES);
  const language = of(LANGUAGES);
  return [
    of([
      `Write a ${language} class for ${what}.`,
      `Implement ${what} in ${language}.`,
      `Design a class in ${language} that models ${what}.`,
      `Create ${what} in ${language}, with a short usage example.`,
    ]) + of(DEMANDS),
  ];
};

const completion: Kind = (draw, given) => {
  const { of, number } = draw;
  const whole = number(1, 3) > 1 ? given() : made(draw);
  const lines = whole.code.split("\n");
  const kept = lines.slice(0, Math.max(2, Math.floor((lines.length * number(25, 75)) / 100))).join("\n");
  const { language, code } = number(1, 2) === 1 ? started(draw) : { ...whole, code: kept };
  return [
    join(
      of([
        "Complete this code:",
        "Complete the following function:",
        "Finish this code.",
        "Continue this code. Only write code.",
        "Please complete the rest:",
        "Fill in the rest of the function:",
        "What comes next?",
      ]),
      "\n\n",
      fenced({ language, code }),
    ),
  ];
};

const explanation: Kind = ({ of }, given) => [
  join(
    of([
      "Explain this code.",
      "What does this code do?",
      "Explain the following code step by step.",
      "Explain what this function does and what it returns.",
      "Summarise this code in two sentences.",
      "Describe what this does for somebody new to programming.",
      "What are the inputs and outputs of this code?",
      "Walk me through this:",
    ]),
    "\n\n",
    fenced(given()),
  ),
];

const tests: Kind = ({ of }, given) => [
  join(
    of([
      "Write unit tests for this code.",
      "Write unit tests for the following function, including edge cases.",
      "Add tests:",
      "Write a few short tests for this.",
      "Which test cases would you write for this code? Write three of them.",
      "Generate tests for the code below. Use the usual test framework of the language.",
    ]),
    "\n\n",
    fenced(given()),
  ),
];

const repair: Kind = (draw, given) => {
  const { of, number } = draw;
  const snippet = number(1, 2) === 1 ? given() : made(draw);
  return [
    join(
      of([
        "Fix the bug in this code:",
        "This code does not work. What is wrong?",
        "Find the bug and give me the corrected code.",
        "Why does this fail for some inputs? Fix it.",
        "Debug this:",
        "My tests fail with this function. Find the mistake.",
        "There is a mistake somewhere in here. Return the fixed code.",
      ]),
      "\n\n",
      fenced({ ...snippet, code: broken(snippet.code, draw) }),
    ),
  ];
};

/**
 * The code with one mistake: an operator, a bound or a constant changed, or a line left out. Code of three lines that
 * has none of these stays as it is.
 */
export function broken(code: string, { of, number }: Draw): string {
  const changes: readonly (readonly [RegExp, string])[] = [
    [/ < /g, " <= "],
    [/ <= /g, " < "],
    [/ > /g, " >= "],
    [/ >= /g, " > "],
    [/ == /g, " != "],
    [/ === /g, " !== "],
    [/ \+ /g, " - "],
    [/ - /g, " + "],
    [/ \+= /g, " -= "],
    [/ \+= /g, " = "],
    [/\b1\b/g, "0"],
    [/\b0\b/g, "1"],
    [/ and /g, " or "],
    [/ \|\| /g, " && "],
    [/ && /g, " || "],
    [/\bnot /g, ""],
    [/\bTrue\b/g, "False"],
    [/\btrue\b/g, "false"],
    [/\bawait /g, ""],
    [/\bself\./g, ""],
    [/\bmin\(/g, "max("],
    [/\bmax\(/g, "min("],
  ];
  const places = changes.flatMap(([from, to]) =>
    [...code.matchAll(from)].map(({ index, 0: old }) => ({ index, old, to })),
  );
  const lines = code.split("\n");
  if (places.length > 0 && (lines.length < 4 || number(1, 5) > 1)) {
    const { index, old, to } = of(places);
    return code.slice(0, index) + to + code.slice(index + old.length);
  }
  if (lines.length < 4) return code;
  const out = number(1, lines.length - 2);
  return lines.filter((_, i) => i !== out).join("\n");
}

const edit: Kind = (draw, given) => {
  const { of, number } = draw;
  const snippet = number(1, 3) > 1 ? given() : made(draw);
  const names = [...new Set(snippet.code.match(/\b[a-z][A-Za-z_]{3,}\b/g) ?? ["value"])];
  const name = of(names);
  return [
    join(
      of([
        `Rename \`${name}\` to \`${of(VERBS)}_${of(NOUNS)}\` in this code and return the whole code.`,
        "Add type annotations to this code.",
        "Add docstrings to this code. Keep everything else as it is.",
        "Add comments that explain why.",
        "Refactor this code so that it is easier to read.",
        "Simplify this code.",
        "Add error handling to this code.",
        "Add logging to this code.",
        `Add a parameter \`${of(FLAGS)}\` and use it.`,
        "Split this into smaller functions.",
        "Remove duplication from this code.",
        "Make this asynchronous.",
        "Use early returns instead of nested conditions.",
        "Replace the loop by something more idiomatic.",
        "Rewrite it without recursion or, if it has none, without loops.",
        "Make this code handle null or None.",
        "Convert this function into a class.",
        "Format this code by the usual style guide of the language and fix the names.",
        `Review this code and list ${number(2, 5)} improvements.`,
        "Review this pull request. Be brief.",
        "Are there security problems in this code?",
        "How can the performance of this code be improved?",
        "What is the time and space complexity of this?",
        "Write a commit message for a change that adds this code.",
        "Write documentation in Markdown for this code.",
      ]),
      "\n\n",
      fenced(snippet),
    ),
  ];
};

const translation: Kind = (draw, given) => {
  const { of, number } = draw;
  const snippet = number(1, 2) === 1 ? given() : made(draw);
  const to = of(LANGUAGES.filter((language) => language.toLowerCase() !== snippet.language));
  return [
    join(
      of([
        `Translate this code to ${to}.`,
        `Rewrite this in ${to}:`,
        `Convert the following code to ${to}.`,
        `How would this look in ${to}?`,
      ]),
      "\n\n",
      fenced(snippet),
    ),
  ];
};

const library: Kind = (draw) => {
  const { of } = draw;
  const { name, does } = of(LIBRARIES);
  const what = filled(of(does), draw);
  return [
    of([
      `How do I use ${name} to ${what}?`,
      `Show how to ${what} with ${name}.`,
      `With ${name}, ${what}. Give me a complete example.`,
      `Write code that uses ${name} to ${what}.`,
      `Using ${name}: ${what}. Keep it short.`,
      `What is the best way to ${what} with ${name}?`,
    ]),
  ];
};

const shell: Kind = (draw) => {
  const { of } = draw;
  const what = filled(of(SHELL), draw);
  return [
    of([
      `Write a bash script to ${what}.`,
      `Give me a shell command to ${what}.`,
      `How can I ${what} on Linux?`,
      `bash: ${what}`,
      `Write a one-liner to ${what}. Explain the options.`,
      `Write a robust shell script (set -euo pipefail) to ${what}.`,
    ]),
  ];
};

const sql: Kind = (draw) => {
  const { of } = draw;
  const entity = of(ENTITIES);
  const table = entity.many.replace(" ", "_");
  const columns = entity.fields.map(
    (field) => `${field} ${of(["TEXT", "INTEGER", "NUMERIC", "TIMESTAMP", "VARCHAR(255)", "BOOLEAN"])}`,
  );
  const what = filled(of(SQL), {
    ...draw,
    of: (list) => (list === (ENTITIES as unknown) ? (entity as never) : draw.of(list)),
  });
  const dialect = of(["SQL", "SQL", "PostgreSQL", "MySQL", "SQLite", "SQL Server"]);
  return [
    of([
      `Write a ${dialect} query that returns ${what}.`,
      `Given the table ${table}(${entity.fields.join(", ")}), write a ${dialect} query for ${what}.`,
      `CREATE TABLE ${table} (\n  ${columns.join(",\n  ")}\n);\n\nWrite a query that returns ${what}.`,
      `${dialect}: ${what}`,
      join(
        `Create a ${dialect} table for ${entity.many} with ${entity.fields.join(", ")}, insert three rows, `,
        `and select ${what}.`,
      ),
      `How do I get ${what} in ${dialect}? Explain the query.`,
      `Add an index to ${table} that makes this fast: ${what}.`,
    ]),
  ];
};

const pattern: Kind = (draw) => {
  const { of } = draw;
  const what = filled(of(PATTERNS), draw);
  return [
    of([
      `Write a regular expression that matches ${what}.`,
      `Give me a regex for ${what} and explain it.`,
      `Write a ${of(LANGUAGES)} function that finds ${what} in a text with a regular expression.`,
      `How do I match ${what} with a regex in ${of(LANGUAGES)}?`,
      `Regex for ${what}, with five examples that match and five that do not.`,
    ]),
  ];
};

const config: Kind = (draw) => {
  const what = filled(draw.of(CONFIGS), draw);
  return [
    draw.of([
      `Write ${what}.`,
      `Show me ${what}.`,
      `I need ${what}. Explain the important lines.`,
      `Create ${what}, minimal please.`,
    ]),
  ];
};

const web: Kind = (draw) => {
  const what = filled(draw.of(PAGES), draw);
  return [
    draw.of([
      `Write HTML and CSS for ${what}.`,
      `Create ${what} with plain HTML, CSS and JavaScript.`,
      `Write the CSS for ${what}.`,
      `Make ${what} with Tailwind.`,
      `How do I build ${what}?`,
    ]),
  ];
};

const error: Kind = (draw, given) => {
  const { of, number } = draw;
  const text = filled(of(ERRORS), draw);
  if (number(1, 4) === 1)
    return [`I get this error:\n\n${text}\n\nThis is the code:\n\n${fenced(given())}\n\nWhat is wrong?`];
  return [
    of([
      `What does this error mean and how do I fix it?\n\n${text}`,
      `I get "${text}". Why?`,
      `${text}`,
      `Explain the error "${text}" with an example that causes it and one that does not.`,
      `How do I fix: ${text}`,
      filled(`My program that loads {many} fails with: ${text}\nWhat should I check?`, draw),
    ]),
  ];
};

const concept: Kind = (draw) => {
  const { of } = draw;
  const what = of(CONCEPTS);
  return [
    of([
      `Explain ${what}.`,
      `Explain ${what} with a short example in ${of(LANGUAGES)}.`,
      `What should I know about ${what}?`,
      `Explain ${what} to a beginner.`,
      `Explain ${what} in three sentences.`,
      `Write a quiz question about ${what} and give the answer.`,
      filled(`Explain ${what} with an example about {many}.`, draw),
      `What are common mistakes with ${what}?`,
      `When does it matter to know about ${what} and ${of(CONCEPTS)}?`,
      `How do ${what} and ${of(CONCEPTS)} relate?`,
      `Show code that demonstrates ${what}.`,
    ]),
  ];
};

const concurrent: Kind = (draw) => [
  filled(
    draw.of([
      `Write a ${draw.of(LANGUAGES)} program in which {n} workers process {many} from a queue.`,
      `How do I protect a shared counter of {many} in ${draw.of(LANGUAGES)}?`,
      `Fetch {many} from {n} URLs in parallel in ${draw.of(LANGUAGES)} and collect the errors.`,
      `Implement a producer and a consumer of {many} in ${draw.of(LANGUAGES)}.`,
      `Write ${draw.of(LANGUAGES)} code that updates {b} of a {one} without a race condition.`,
      `Run a task for each {one} with at most {n} at a time in ${draw.of(LANGUAGES)}.`,
      `Cancel loading {many} after {n} seconds in ${draw.of(LANGUAGES)}.`,
    ]),
    draw,
  ),
];

/** Sometimes with a greeting, a reason or a wish around the first turn, as people write. */
function inOtherWords(turns: readonly string[], draw: Draw): readonly string[] {
  const { of, number } = draw;
  const [first, ...later] = turns;
  if (number(1, 4) > 1) return turns;
  const before = filled(
    of([
      "Hi! ",
      "Hello, ",
      "Can you help me? ",
      "Quick question: ",
      "I am working on an app for {many}. ",
      "For a course on programming: ",
      "We have a service that manages {many}. ",
      "I am new to this. ",
      "Act as a senior engineer. ",
      "You are a helpful coding assistant. ",
      "In an interview I was asked this: ",
      "",
      "",
    ]),
    draw,
  );
  const after = of([
    "",
    "",
    "",
    " Thanks!",
    "\n\nBe concise.",
    "\n\nAnswer in a few sentences.",
    "\n\nThink step by step.",
  ]);
  return [before + first! + (first!.endsWith("```") ? after.replace(/^ /, "\n\n") : after), ...later];
}

/** Conversations of two and three turns about one piece of code. */
const conversation: Kind = (draw, given) => {
  const { of, number } = draw;
  const first = of<Kind>([description, description, structure, library, explanation, repair, sql, shell, web])(
    draw,
    given,
  )[0]!;
  const second = of(FOLLOW_UPS);
  return number(1, 3) === 1 ? [first, second, of(FOLLOW_UPS.filter((turn) => turn !== second))] : [first, second];
};

const join = (...parts: readonly string[]): string => parts.join("");

/** Kinds by name, and how many of a hundred questions are of each. */
export const KINDS: readonly { readonly name: string; readonly share: number; readonly ask: Kind }[] = [
  { name: "function", share: 17, ask: description },
  { name: "class", share: 6, ask: structure },
  { name: "completion", share: 8, ask: completion },
  { name: "explanation", share: 7, ask: explanation },
  { name: "tests", share: 6, ask: tests },
  { name: "fix", share: 7, ask: repair },
  { name: "edit", share: 9, ask: edit },
  { name: "translation", share: 3, ask: translation },
  { name: "library", share: 6, ask: library },
  { name: "shell", share: 4, ask: shell },
  { name: "sql", share: 5, ask: sql },
  { name: "pattern", share: 2, ask: pattern },
  { name: "configuration", share: 2, ask: config },
  { name: "page", share: 2, ask: web },
  { name: "error", share: 2, ask: error },
  { name: "concept", share: 3, ask: concept },
  { name: "concurrency", share: 2, ask: concurrent },
  { name: "conversation", share: 9, ask: conversation },
];

/** One question in so many is an ordinary one. */
const ORDINARY = 8;

/** Kinds as often as their share, mixed so that neighbours differ. */
const SLOTS = KINDS.flatMap(({ share, ask }) =>
  Array.from({ length: share }, (_, i) => ({ ask, at: (i + 0.5) / share })),
)
  .sort((a, b) => a.at - b.at)
  .map(({ ask }) => ask);

/**
 * `count` different questions about code, with ordinary ones between them. The same seed and snippets give the same
 * questions. Without snippets, all given code is made from templates.
 */
export function codeQuestions(count: number, seed: number, snippets: readonly Snippet[]): Generator<readonly string[]> {
  // Without the first kind: nobody asks a model of code to translate German.
  const chat = kindsOf({ topics: [], sentences: [], passages: [] }).slice(1);
  return different(count, seed, (n, draw) => {
    if (n % ORDINARY === 0) return chat[(n / ORDINARY) % chat.length]!(draw);
    const code = n - Math.floor(n / ORDINARY) - 1;
    const given = () => (snippets.length > 0 && draw.number(1, 5) > 1 ? draw.of(snippets) : made(draw));
    return inOtherWords(SLOTS[code % SLOTS.length]!(draw, given), draw);
  });
}
