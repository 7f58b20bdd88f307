/** Who may import whom, as data. Changing the architecture means changing this table. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../src");

/** Folder → folders of src/ it may import besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  model: [],
  speculate: ["model"],
  grammar: ["model"],
  calls: ["grammar", "model"],
  format: ["model"],
  kernels: ["model"],
  draft: ["grammar", "speculate", "kernels", "format", "model"],
  verify: ["grammar", "speculate", "model"],
  platform: ["kernels", "format", "model"],
  origin: ["platform", "verify", "grammar", "speculate", "draft", "kernels", "model", "format"],
  bill: ["kernels", "model"],
  edge: ["bill", "calls", "platform", "draft", "format", "grammar", "kernels", "model", "speculate", "verify"],
  charts: [],
  obtain: ["platform", "format", "model"],
  text: ["platform", "speculate", "model"],
  methods: ["model"],
  rounding: ["methods", "platform", "format", "model"],
  calibrate: ["rounding", "methods", "text", "platform", "kernels", "format", "model"],
  compress: ["calibrate", "rounding", "methods", "text", "platform", "format", "model"],
  evaluate: [
    "origin",
    "inspect",
    "rounding",
    "calibrate",
    "methods",
    "text",
    "platform",
    "draft",
    "speculate",
    "kernels",
    "format",
    "model",
  ],
  report: ["platform", "evaluate", "calibrate", "text", "charts", "format", "model"],
  inspect: ["charts", "draft", "kernels", "format", "model"],
  corpus: ["text", "platform", "origin", "draft", "kernels", "format", "model"],
  make: ["compress", "evaluate", "text", "platform", "format", "model"],
  service: ["origin", "verify", "platform", "kernels", "format", "model"],
  doors: ["edge", "origin", "compress", "evaluate", "format", "model"],
  commands: [
    "bill",
    "make",
    "service",
    "obtain",
    "text",
    "compress",
    "evaluate",
    "report",
    "charts",
    "corpus",
    "inspect",
    "draft",
    "origin",
    "speculate",
    "verify",
    "platform",
    "kernels",
    "format",
    "model",
  ],
};

/** Folder → packages and platforms it may import. Node's own modules stand as "node:". */
const MAY_USE: Record<string, readonly string[]> = {
  model: ["@huggingface/tokenizers", "@huggingface/jinja"],
  speculate: [],
  grammar: [],
  calls: [],
  format: ["zod"],
  kernels: [],
  draft: [],
  verify: ["zod"],
  platform: ["hono", "node:"],
  origin: ["zod", "ws", "@hono/node-server", "eventsource-parser", "node:"],
  bill: [],
  edge: ["zod", "hono", "cloudflare:", "node:zlib"],
  charts: [],
  obtain: ["@huggingface/hub", "zod", "node:"],
  text: ["node:"],
  methods: [],
  rounding: ["node:"],
  calibrate: ["node:"],
  compress: ["zod", "node:"],
  evaluate: ["node:"],
  report: ["node:"],
  inspect: [],
  corpus: ["zod", "node:"],
  make: ["zod", "node:"],
  service: ["zod", "wrangler", "node:"],
  doors: [],
  commands: ["node:"],
};

interface Import {
  readonly file: string;
  readonly target: string;
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter(
  // Wrangler keeps its bundles beside the configuration of the embedded origin while it runs.
  (file) => file.endsWith(".ts") && !file.endsWith(".d.ts") && file.includes("/") && !file.includes(".wrangler/"),
);

const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(join(SRC, file), "utf8");
  const pattern = /(?:^|\n)\s*(?:import|export)\s(?:[^"'`;]*?\sfrom\s)?["']([^"']+)["']|import\(["']([^"']+)["']\)/g;
  return [...text.matchAll(pattern)].map((match) => ({ file, target: (match[1] ?? match[2]) as string }));
});

const folder = (file: string): string => file.split("/")[0] as string;

test("every folder of src/ is in the table", () => {
  expect([...new Set(files.map(folder))].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
});

test("no folder imports one it may not", () => {
  const faults = imports
    .filter(({ target }) => target.startsWith("."))
    .map(({ file, target }) => ({ file, to: relative(SRC, resolve(SRC, dirname(file), target)) }))
    // Built wasm, recipes and JSON lie outside src/ and are data.
    .filter(({ to }) => !to.startsWith(".."))
    .filter(({ file, to }) => folder(to) !== folder(file) && !MAY_IMPORT[folder(file)]?.includes(folder(to)));
  expect(faults).toEqual([]);
});

test("no folder uses a package or platform it may not", () => {
  const faults = imports
    .filter(({ target }) => !target.startsWith("."))
    .filter(({ file, target }) => {
      const allowed = MAY_USE[folder(file)]?.some((name) =>
        name.endsWith(":") ? target.startsWith(name) : target === name || target.startsWith(`${name}/`),
      );
      return !allowed;
    });
  expect(faults).toEqual([]);
});

test("no import cycles between files", () => {
  const graph = new Map<string, string[]>();
  for (const { file, target } of imports) {
    if (!target.startsWith(".")) continue;
    const to = relative(SRC, resolve(SRC, dirname(file), target));
    graph.set(file, [...(graph.get(file) ?? []), to]);
  }
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      return;
    }
    state.set(file, "open");
    for (const to of graph.get(file) ?? []) visit(to, [...path, file]);
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file, []);
  expect(cycles).toEqual([]);
});

test("every package that src/ imports is a dependency, and every dependency is imported", () => {
  const packageOf = (target: string) => /^(@[^/]+\/)?[^/]+/.exec(target)?.[0] as string;
  const used = imports.map(({ target }) => target).filter((target) => !/^(\.|node:|cloudflare:)/.test(target));
  const { dependencies } = JSON.parse(readFileSync(resolve(SRC, "../package.json"), "utf8"));
  expect([...new Set(used.map(packageOf))].sort()).toEqual(Object.keys(dependencies).sort());
});
