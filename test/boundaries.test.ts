/** Who may import whom, as data. Changing the architecture means changing these tables. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");

/**
 * Room of src/ → rooms that it may import besides itself. A file belongs to the longest name that its path begins with.
 * "core" stands for every room of that wing. A wing that needs no rooms is one.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "core/model": [],
  "core/grammar": ["core/model"],
  "core/calls": ["core/grammar", "core/model"],
  "core/format": ["core/model"],
  "core/kernels": ["core/model"],
  "core/speculate": ["core/model"],
  "core/draft": ["core/format", "core/grammar", "core/kernels", "core/model", "core/speculate"],
  "core/verify": ["core/grammar", "core/model", "core/speculate"],
  "core/platform": ["core/format", "core/kernels", "core/model"],

  "edge/bill": ["core"],
  "edge/env.ts": ["core", "edge/bill"],
  "edge/api": ["core"],
  "edge/store": ["core", "edge/api"],
  "edge/origins": ["core", "edge/env.ts"],
  "edge/place": ["core", "edge/api", "edge/origins", "edge/store"],
  "edge/prompt": ["core", "edge/env.ts"],
  "edge/api/openai": ["core", "edge/api", "edge/prompt"],
  "edge/api/tokens": ["core", "edge/api", "edge/api/openai", "edge/prompt"],
  "edge/api/llama": ["core", "edge/api", "edge/api/openai", "edge/prompt"],
  "edge/api/messages": ["core", "edge/api", "edge/api/openai", "edge/api/tokens", "edge/prompt"],
  "edge/api/responses": ["core", "edge/api", "edge/api/openai", "edge/prompt", "edge/store"],
  "edge/api/document": [
    "edge/api",
    "edge/api/openai",
    "edge/api/llama",
    "edge/api/tokens",
    "edge/api/messages",
    "edge/api/responses",
  ],
  "edge/draft": ["core", "edge/bill", "edge/env.ts", "edge/store"],
  "edge/tenant": ["core", "edge/api", "edge/bill", "edge/env.ts", "edge/prompt", "edge/store"],
  "edge/session": [
    "core",
    "edge/api",
    "edge/api/openai",
    "edge/api/tokens",
    "edge/api/llama",
    "edge/api/messages",
    "edge/api/responses",
    "edge/bill",
    "edge/draft",
    "edge/env.ts",
    "edge/origins",
    "edge/place",
    "edge/prompt",
    "edge/store",
    "edge/tenant",
  ],
  "edge/door": [
    "core",
    "edge/api",
    "edge/api/openai",
    "edge/api/tokens",
    "edge/api/llama",
    "edge/api/messages",
    "edge/api/responses",
    "edge/env.ts",
    "edge/origins",
    "edge/place",
    "edge/prompt",
    "edge/session",
    "edge/store",
    "edge/tenant",
  ],
  "edge/exports.ts": ["edge/door", "edge/env.ts", "edge/session", "edge/tenant"],

  origin: ["core"],

  page: [],

  "tools/charts": [],
  "tools/text": ["core"],
  "tools/obtain": ["core"],
  "tools/compress/methods": ["core"],
  "tools/compress/rounding": ["core", "tools/compress/methods"],
  "tools/compress/calibrate": ["core", "tools/compress/methods", "tools/compress/rounding", "tools/text"],
  "tools/compress": [
    "core",
    "tools/compress/calibrate",
    "tools/compress/methods",
    "tools/compress/rounding",
    "tools/text",
  ],
  "tools/inspect": ["core", "tools/charts"],
  "tools/evaluate": [
    "core",
    "origin",
    "tools/compress/calibrate",
    "tools/compress/methods",
    "tools/compress/rounding",
    "tools/inspect",
    "tools/text",
  ],
  "tools/report": ["core", "tools/charts", "tools/evaluate", "tools/text"],
  "tools/corpus": ["core", "origin", "tools/text"],
  "tools/questions": ["core"],
  "tools/make": ["core", "tools/compress", "tools/corpus", "tools/evaluate", "tools/questions", "tools/text"],
  "tools/service": ["core", "origin"],
  "tools/commands": [
    "core",
    "edge/bill",
    "origin",
    "tools/charts",
    "tools/compress",
    "tools/corpus",
    "tools/evaluate",
    "tools/inspect",
    "tools/make",
    "tools/obtain",
    "tools/questions",
    "tools/report",
    "tools/service",
    "tools/text",
  ],
  "tools/exports.ts": ["core", "tools/compress", "tools/evaluate"],
};

/** Room or wing → packages and platforms it may import. Node's own modules stand as "node:". Others import none. */
const MAY_USE: Record<string, readonly string[]> = {
  "core/model": ["@huggingface/tokenizers", "@huggingface/jinja"],
  "core/format": ["zod"],
  "core/verify": ["zod"],
  "core/platform": ["hono", "node:"],
  edge: ["zod", "hono", "cloudflare:", "node:zlib"],
  origin: ["zod", "ws", "@hono/node-server", "eventsource-parser", "node:"],
  tools: ["zod", "node:"],
  "tools/obtain": ["@huggingface/hub", "zod", "node:"],
  "tools/service": ["wrangler", "zod", "node:"],
};

/** Folder beside src/ → what of src/ its TypeScript may import. Tests import everything. */
const OUTSIDE: Record<string, readonly string[]> = {
  docs: ["src/edge/", "src/tools/"],
  models: ["src/core/", "src/tools/"],
  wasm: [],
};

/** Files of src/ that import what a user names: bindings of llama.cpp, and recipes. Tables know nothing of these. */
const COMPUTED = ["src/origin/engines/llama-library.ts", "src/tools/compress/recipe-file.ts"];

interface Import {
  readonly file: string;
  readonly target: string;
}

/** Every TypeScript file of the repository, also those of folders that no compiler of ours walks. */
const all = globSync("**/*.ts", {
  cwd: ROOT,
  // Wrangler keeps its bundles beside the configuration of the embedded origin while it runs.
  exclude: (name) => /node_modules|\.wrangler|\.git$|__pycache__|^dist/.test(String(name)),
}).filter((file) => !file.endsWith(".d.ts"));

const importsOf = (file: string): Import[] => {
  const text = readFileSync(join(ROOT, file), "utf8");
  const pattern = /(?:^|\n)\s*(?:import|export)\s(?:[^"'`;]*?\sfrom\s)?["']([^"']+)["']|import\(["']([^"']+)["']\)/g;
  return [...text.matchAll(pattern)].map((match) => ({ file, target: (match[1] ?? match[2]) as string }));
};

const imports = all.flatMap(importsOf);
const aim = ({ file, target }: Import): string => relative(ROOT, resolve(ROOT, dirname(file), target));
const local = imports.filter(({ target }) => target.startsWith(".")).map((each) => ({ ...each, to: aim(each) }));

/** The longest name of a table that a path below src/ begins with. */
const inTable = (table: object, path: string): string | undefined =>
  Object.keys(table)
    .filter((name) => path === name || path.startsWith(`${name}/`))
    .sort((a, b) => b.length - a.length)[0];

const below = (path: string): string => path.slice("src/".length);
const room = (path: string): string | undefined => inTable(MAY_IMPORT, below(path));
const rooms = all.filter((file) => file.startsWith("src/") && file !== "src/outrider.ts");

test("every file of src/ has a room, and every room a file", () => {
  expect(rooms.filter((file) => room(file) === undefined)).toEqual([]);
  const used = new Set([...rooms.map(room), "page"]);
  expect(Object.keys(MAY_IMPORT).filter((name) => !used.has(name))).toEqual([]);
});

test("src/ has five wings", () => {
  expect([...new Set(Object.keys(MAY_IMPORT).map((name) => name.split("/")[0]))].sort()).toEqual([
    "core",
    "edge",
    "origin",
    "page",
    "tools",
  ]);
});

test("no room imports one it may not", () => {
  const faults = local
    .filter(({ file, to }) => rooms.includes(file) && room(to) !== room(file))
    // Built WASM is data of the platform; nothing else outside of src/ is imported.
    .filter(({ to }) => !/^dist\/outrider\.\w+\.wasm$/.test(to))
    .filter(({ file, to }) => {
      const allowed = MAY_IMPORT[room(file) as string] as readonly string[];
      return !allowed.includes(room(to) as string) && !(allowed.includes("core") && to.startsWith("src/core/"));
    })
    .map(({ file, to }) => `${file} → ${to}`);
  expect(faults).toEqual([]);
});

test("rooms import downward: no circle among them", () => {
  const expand = (name: string) =>
    (MAY_IMPORT[name] ?? []).flatMap((other) =>
      other === "core" ? Object.keys(MAY_IMPORT).filter((each) => each.startsWith("core/")) : [other],
    );
  expect(circles(new Map(Object.keys(MAY_IMPORT).map((name) => [name, expand(name)])))).toEqual([]);
});

test("no room uses a package or platform it may not", () => {
  const faults = imports
    .filter(({ file, target }) => rooms.includes(file) && !target.startsWith("."))
    .filter(({ file, target }) => {
      const key = inTable(MAY_USE, below(file));
      return !(key ? MAY_USE[key] : [])?.some((name) =>
        name.endsWith(":") || name.includes(":")
          ? target.startsWith(name)
          : target === name || target.startsWith(`${name}/`),
      );
    });
  expect(faults).toEqual([]);
});

test("what lies beside src/ imports only what it may of it", () => {
  const faults = local
    .filter(({ file, to }) => OUTSIDE[file.split("/")[0] as string] !== undefined && to.startsWith("src/"))
    .filter(({ file, to }) => !OUTSIDE[file.split("/")[0] as string]?.some((name) => to.startsWith(name)))
    .map(({ file, to }) => `${file} → ${to}`);
  expect(faults).toEqual([]);
});

test("every import of src/ names its file", () => {
  const computed = all.filter(
    (file) => file.startsWith("src/") && /\bimport\((?!["'])/.test(readFileSync(join(ROOT, file), "utf8")),
  );
  expect(computed.sort()).toEqual(COMPUTED);
});

test("no import cycles between files", () => {
  const graph = new Map<string, string[]>();
  for (const { file, to } of local) graph.set(file, [...(graph.get(file) ?? []), to]);
  expect(circles(graph)).toEqual([]);
});

test("every package that src/ imports is a dependency, and every dependency is imported", () => {
  const packageOf = (target: string) => /^(@[^/]+\/)?[^/]+/.exec(target)?.[0] as string;
  const used = imports
    .filter(({ file }) => file.startsWith("src/"))
    .map(({ target }) => target)
    .filter((target) => !/^(\.|node:|cloudflare:|outrider\/)/.test(target));
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  expect([...new Set(used.map(packageOf))].sort()).toEqual(Object.keys(dependencies).sort());
});

function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const state = new Map<string, "open" | "done">();
  const found: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    if (state.get(name) === "done") return;
    if (state.get(name) === "open") {
      found.push([...path.slice(path.indexOf(name)), name].join(" → "));
      return;
    }
    state.set(name, "open");
    for (const to of graph.get(name) ?? []) visit(to, [...path, name]);
    state.set(name, "done");
  };
  for (const name of graph.keys()) visit(name, []);
  return found;
}
