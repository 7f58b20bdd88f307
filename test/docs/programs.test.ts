/** Suites and benches exist for somebody: each is a command that a document names. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { BENCHES } from "../bench/main.ts";
import { SUITES } from "../suites/main.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(resolve(ROOT, file), "utf8");

/** The log tells of experiments that are over, so it keeps nothing alive. */
const documents = globSync(["*.md", "docs/**/*.md", "models/**/*.md", "test/README.md", "test/bench/RESULTS.md"], {
  cwd: ROOT,
  exclude: (name) => /log|node_modules/.test(name),
})
  .map(read)
  .join("\n");

test.each([...SUITES.map(({ name }) => `suite ${name}`), ...BENCHES.map(({ name }) => `bench ${name}`)])(
  "`npm run %s` stands in a document",
  (command) => {
    expect(documents).toMatch(new RegExp(`npm run ${command}(?![\\w-])`));
  },
);

test("documents name no suite and no bench that is not there", () => {
  const named = [...documents.matchAll(/npm run (suite|bench) ([a-z][\w-]*)/g)].map(
    ([, kind, name]) => `${kind} ${name}`,
  );
  const real = new Set([...SUITES.map(({ name }) => `suite ${name}`), ...BENCHES.map(({ name }) => `bench ${name}`)]);
  expect([...new Set(named)].filter((command) => !real.has(command))).toEqual([]);
});

test("package.json has at most 20 scripts, and the tables hold the rest", () => {
  expect(Object.keys(JSON.parse(read("package.json")).scripts).length).toBeLessThanOrEqual(20);
});

test("what the tables run is there", () => {
  const files = [...SUITES, ...BENCHES].flatMap(({ command }) =>
    command.filter((word) => /^test\/.*\.(ts|py)$/.test(word)),
  );
  expect(files.filter((file) => !existsSync(resolve(ROOT, file)))).toEqual([]);
});
