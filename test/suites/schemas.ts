/**
 * Public suites of JSON Schema against the grammar: `npm run test:schemas`. For each value that a suite labels, whether
 * the grammar lets it be written (in some order of its keys) is compared with the label; what is refused by name is
 * counted. Needs git and a network once: the suites are cloned into a cache, since one of them has no licence.
 *
 *   npm run test:schemas -- [--every N] [--suites DIR]    every Nth file of MaskBench, 20 unless given; where clones lie
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { unmet } from "../../src/grammar/schema/valid.ts";
import { compile } from "../../src/grammar/source.ts";
import { OutriderError } from "../../src/model/errors.ts";
import { writes } from "../grammar/writes.ts";

const REPOSITORIES = {
  "JSON-Schema-Test-Suite": "https://github.com/json-schema-org/JSON-Schema-Test-Suite",
  jsonschemabench: "https://github.com/guidance-ai/jsonschemabench",
} as const;

interface Case {
  readonly name: string;
  readonly schema: unknown;
  readonly tests: readonly { readonly data: unknown; readonly valid: boolean }[];
}

const { values } = parseArgs({
  options: { every: { type: "string", default: "20" }, suites: { type: "string" } },
});
const cache = values.suites ?? join(homedir(), ".cache", "outrider", "suites");

function clone(name: keyof typeof REPOSITORIES): string {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  execFileSync("git", ["clone", "--depth", "1", REPOSITORIES[name], folder], { stdio: "inherit" });
  return folder;
}

const filesOf = (folder: string): string[] => readdirSync(folder).filter((file) => file.endsWith(".json"));
const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

/** Files in which the suite's label is not what is asked of a form: `format` is enforced, and one schema is of another dialect. */
const ANOTHER_READING = new Set(["format.json", "vocabulary.json"]);

function* required(): Generator<Case> {
  const folder = join(clone("JSON-Schema-Test-Suite"), "tests", "draft2020-12");
  for (const file of filesOf(folder)) {
    if (ANOTHER_READING.has(file)) continue;
    for (const each of read(join(folder, file)) as (Omit<Case, "name"> & { description: string })[]) {
      yield { ...each, name: `${file}: ${each.description}` };
    }
  }
}

function* maskBench(every: number): Generator<Case> {
  const folder = join(clone("jsonschemabench"), "maskbench", "data");
  for (const [i, file] of filesOf(folder).entries()) {
    if (i % every === 0) yield { name: file, ...(read(join(folder, file)) as Omit<Case, "name">) };
  }
}

/** Whether all is as labelled. */
function hold(suite: string, cases: Iterable<Case>): boolean {
  const counts = { schemas: 0, refused: 0, "values as labelled": 0, wrong: 0, "too long to search": 0, ms: 0 };
  const why = new Map<string, number>();
  for (const { name, schema, tests } of cases) {
    counts.schemas++;
    const began = performance.now();
    let machine: ReturnType<typeof compile> | null = null;
    try {
      machine = compile({ kind: "schema", schema });
    } catch (error) {
      if (!(error instanceof OutriderError)) throw new Error(`${name}: ${error}`, { cause: error });
      // A schema without any value takes none.
      if (error.code !== "impossible_constraint") {
        counts.refused++;
        const reason = /[^/:]+(?=:)/.exec(error.message)?.[0] ?? error.code;
        why.set(reason, (why.get(reason) ?? 0) + 1);
        continue;
      }
    }
    counts.ms = Math.max(counts.ms, performance.now() - began);
    for (const { data, valid } of tests) {
      const taken = machine ? writes(machine, data) : false;
      const checked = unmet(schema as never, data) === null;
      if (taken === null) counts["too long to search"]++;
      else if (taken === valid && checked === valid) counts["values as labelled"]++;
      else {
        counts.wrong++;
        const by = taken === valid ? "the validator" : "the grammar";
        console.log(`${by} is wrong: ${name}: ${valid ? "valid" : "invalid"} ${JSON.stringify(data).slice(0, 200)}`);
      }
    }
  }
  console.log(suite, { ...counts, ms: Math.round(counts.ms) });
  const reasons = [...why].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${reason} ${count}`);
  console.log(`refused by: ${reasons.slice(0, 12).join(", ")}`);
  return counts.wrong === 0;
}

const holds = [
  hold("JSON-Schema-Test-Suite, draft 2020-12, required", required()),
  hold(`MaskBench, every ${values.every}th file`, maskBench(Number(values.every))),
];
process.exitCode = holds.every(Boolean) ? 0 : 1;
