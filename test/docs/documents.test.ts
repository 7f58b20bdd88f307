/** What the documents name is there: links, paths, scripts, the tree. And sentences are short. */
import { existsSync, globSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import {
  anchors,
  codeBlocks,
  commands,
  documents,
  HISTORY,
  inlineCode,
  prose,
  ROOT,
  read,
  sentences,
} from "./markdown.ts";

/** Scripts of the folder that `outrider init` writes (src/tools/service/scaffold.ts). */
const SCAFFOLDED = ["build", "dev", "deploy"];
/** Recipes that a reader writes. */
const EXAMPLES = ["target.ts", "narrow.ts", "draft.ts", "before.ts", "d20.ts", "eight.ts"];
const files = ["src", "wasm", "models", "test", "docs"].flatMap((folder) =>
  readdirSync(resolve(ROOT, folder), { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`),
);
const present = documents.filter((document) => !HISTORY.includes(document));

const outrider = JSON.parse(readFileSync(resolve(ROOT, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};

test("there are documents", () => {
  expect(documents).toContain("README.md");
  expect(documents).toContain("models/smollm2-135m-draft-m/README.md");
});

describe.each(documents)("%s", (document) => {
  const text = read(document);

  test("every link leads to a file and a heading", () => {
    const links = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string);
    const broken = links
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [path = "", anchor] = link.split("#");
        const target = path === "" ? resolve(ROOT, document) : resolve(ROOT, dirname(document), path);
        if (!existsSync(target)) return true;
        const file = statSync(target).isDirectory() ? resolve(target, "README.md") : target;
        return anchor !== undefined && !anchors(readFileSync(file, "utf8")).has(anchor);
      });
    expect(broken).toEqual([]);
  });

  test("no machine path and no registry's name", () => {
    expect(text).not.toMatch(/\/(?:home|work|tmp|root|Users)\/|registry\.|pypi\.org|npmjs/);
  });
});

describe.each(present)("%s, as things are now", (document) => {
  const text = read(document);

  test("every path of the repository that is named exists", () => {
    const named = inlineCode(text).filter((code) => /^(?:src|wasm|models|test|docs)\/[\w./*-]+$/.test(code));
    const absent = named
      .filter((path) => !path.includes("NAME"))
      .filter((path) => globSync(path, { cwd: ROOT }).length === 0);
    expect(absent).toEqual([]);
  });

  test("every module that is named exists", () => {
    const named = inlineCode(text).filter((code) => /^[\w-]+(?:\/[\w.-]+)*\.(?:ts|py)$/.test(code));
    const absent = named.filter(
      (name) => !EXAMPLES.includes(name) && !files.some((file) => `/${file}`.endsWith(`/${name}`)),
    );
    expect(absent).toEqual([]);
  });

  test("every npm script that is shown exists", () => {
    const shown = [...inlineCode(text), ...codeBlocks(text).flatMap(({ code }) => commands(code))];
    const scripts = shown.flatMap((code) => {
      const run = /^npm (?:run (?:-s )?)([\w:-]+)/.exec(code)?.[1];
      const own = /^npm (start|test)\b/.exec(code)?.[1];
      return [run, own].filter((name) => name !== undefined);
    });
    const known = document.startsWith("src/tools/scaffold/") ? SCAFFOLDED : Object.keys(outrider.scripts);
    expect(scripts.filter((name) => !known.includes(name))).toEqual([]);
  });

  test("no sentence has more than 40 words", () => {
    const long = sentences(text).filter((sentence) => sentence.split(" ").length > 40);
    expect(long).toEqual([]);
  });
});

test("every module that a comment names exists", () => {
  const sources = files.filter((file) => /\.(?:ts|js|py)$/.test(file) && !file.includes("node_modules"));
  const absent = sources.flatMap((file) => {
    const comments = [...read(file).matchAll(/^ *(?:\/\/|\/?\*+|#) (.*)$/gm)].map((match) => match[1] as string);
    const named = comments.flatMap((line) => line.match(/(?<![\w./*…-])[\w-]+(?:\/[\w.-]+)*\.(?:ts|py)\b/g) ?? []);
    return named
      .filter((name) => !EXAMPLES.includes(name) && !files.some((other) => `/${other}`.endsWith(`/${name}`)))
      .map((name) => `${file}: ${name}`);
  });
  expect(absent).toEqual([]);
});

describe("the tree that ARCHITECTURE draws", () => {
  const drawn = [
    ...read("ARCHITECTURE.md").matchAll(/^ *((?:src|core|edge|origin|tools)\/[\w./-]+|wasm|models|test|docs) {2,}\S/gm),
  ];
  const folders = drawn.map((match) => (match[1] as string).replace(/^(?!src\/)(?=.*\/)/, "src/"));
  const inside = (folder: string): string[] =>
    readdirSync(resolve(ROOT, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${folder}/${entry.name}`);

  test("has the five wings, and no other", () => {
    expect(folders.filter((folder) => /^src\/\w+$/.test(folder)).sort()).toEqual(inside("src").sort());
  });

  test.each(["src/core", "src/edge", "src/tools"])("has every room of %s", (wing) => {
    expect(folders).toEqual(expect.arrayContaining(inside(wing)));
  });

  test("has no room that is not there", () => {
    expect(folders.filter((folder) => !existsSync(resolve(ROOT, folder)))).toEqual([]);
  });

  test("has the folders beside it", () => {
    expect(folders).toEqual(expect.arrayContaining(["wasm", "models", "test", "docs"]));
  });
});
