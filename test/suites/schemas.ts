/**
 * Public suites of JSON Schema against the grammar: `npm run suite schemas`. For each value that a suite labels, whether
 * the grammar lets it be written (in some order of its keys) and whether the validator takes it are compared with the
 * label; what is refused by name is counted by keyword.
 *
 *   npm run suite schemas -- [--every N] [--suites DIR]    every Nth file of MaskBench, 20 unless given; 1 for all
 *
 * What is known of a case is written down at once and is asked again only when the code or the suite has changed: a run
 * that was stopped goes on. The last line is JSON.
 */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, globSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unmet } from "../../src/core/grammar/schema/valid.ts";
import { compile } from "../../src/core/grammar/source.ts";
import { OutriderError } from "../../src/core/model/errors.ts";
import { writes } from "../grammar/writes.ts";
import { parseOptions } from "../support/parse-options.ts";
import { type Case, MaskBench, required, suitesFolder } from "./sources.ts";

const { values } = parseOptions({
  options: { every: { type: "string", default: "20" }, suites: { type: "string" } },
});
const folder = suitesFolder(values.suites);

/** Of one case: the keyword that it is refused by, or how its values compare with their labels. */
interface Finding {
  readonly name: string;
  readonly refusedBy?: string;
  readonly right: number;
  readonly tooLong: number;
  /** One sentence each. */
  readonly wrong: readonly string[];
  readonly compileMs: number;
}

function find({ name, schema, tests }: Case): Finding {
  const began = performance.now();
  let machine: ReturnType<typeof compile> | null = null;
  try {
    machine = compile({ kind: "schema", schema });
  } catch (error) {
    if (!(error instanceof OutriderError)) throw new Error(`${name}: ${error}`, { cause: error });
    // A schema without any value takes none.
    if (error.code !== "impossible_constraint") {
      return {
        name,
        refusedBy: reasonOf(error),
        right: 0,
        tooLong: 0,
        wrong: [],
        compileMs: performance.now() - began,
      };
    }
  }
  const compileMs = performance.now() - began;
  let right = 0;
  let tooLong = 0;
  const wrong: string[] = [];
  for (const { data, valid } of tests) {
    const taken = machine ? written(machine, data) : false;
    const checked = unmet(schema as never, data) === null;
    if (taken === null) tooLong++;
    else if (taken === valid && checked === valid) right++;
    else {
      const by = taken === valid ? "the validator" : "the grammar";
      const value = JSON.stringify(data).slice(0, 200);
      wrong.push(`${by} is wrong: ${name}: ${valid ? "valid" : "invalid"} ${value}`);
    }
  }
  return { name, right, tooLong, wrong, compileMs };
}

/** Null where the search took too long, and where an answer would end with the error that its form takes too many steps. */
function written(machine: ReturnType<typeof compile>, data: unknown): boolean | null {
  try {
    return writes(machine, data);
  } catch (error) {
    if (error instanceof OutriderError && error.code === "grammar_too_complex") return null;
    throw error;
  }
}

/** The keyword at fault and, where it has several, the reason; the code where no keyword is. */
function reasonOf({ code, message }: OutriderError): string {
  const [, keyword, why] = /^#\S*?([^/:]+): (.*)$/.exec(message) ?? [];
  if (keyword === undefined) return code;
  return keyword === "$ref" || keyword === "oneOf" || keyword === "enum" || keyword === "format"
    ? `${keyword} (${why!.replace(/"[^"]*"/g, "…").split(/[,;]/)[0]})`
    : keyword;
}

/** What is known, by the code and the suite that it holds for. */
class Journal {
  readonly #path: string;
  readonly #known = new Map<string, Finding>();

  constructor(suite: string) {
    const hash = createHash("sha256");
    for (const file of globSync(["src/core/grammar/**/*.ts", "test/grammar/writes.ts", "test/suites/*.ts"]).sort()) {
      hash.update(readFileSync(file));
    }
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, `${suite}-${hash.digest("hex").slice(0, 16)}.jsonl`);
    if (!existsSync(this.#path)) return;
    for (const line of readFileSync(this.#path, "utf8").split("\n").slice(0, -1)) {
      const finding = JSON.parse(line) as Finding;
      this.#known.set(finding.name, finding);
    }
  }

  of(each: Case): Finding {
    const known = this.#known.get(each.name);
    if (known) return known;
    const finding = find(each);
    appendFileSync(this.#path, `${JSON.stringify(finding)}\n`);
    return finding;
  }
}

function hold(suite: string, cases: Iterable<Case>) {
  const journal = new Journal(suite);
  const counts = { schemas: 0, compiled: 0, refused: 0, right: 0, wrong: 0, tooLong: 0, longestCompileMs: 0 };
  const refusedBy = new Map<string, number>();
  for (const each of cases) {
    const found = journal.of(each);
    counts.schemas++;
    if (found.refusedBy === undefined) counts.compiled++;
    else {
      counts.refused++;
      refusedBy.set(found.refusedBy, (refusedBy.get(found.refusedBy) ?? 0) + 1);
    }
    counts.right += found.right;
    counts.tooLong += found.tooLong;
    counts.wrong += found.wrong.length;
    counts.longestCompileMs = Math.max(counts.longestCompileMs, Math.round(found.compileMs));
    for (const sentence of found.wrong) console.log(sentence);
  }
  const sorted = [...refusedBy].sort(([, a], [, b]) => b - a);
  console.log(suite, counts);
  console.log(`refused by: ${sorted.map(([reason, count]) => `${reason} ${count}`).join(", ")}`);
  return { ...counts, refusedBy: Object.fromEntries(sorted) };
}

const found = {
  "JSON-Schema-Test-Suite": hold("JSON-Schema-Test-Suite", required(folder)),
  MaskBench: hold("MaskBench", new MaskBench(folder).every(Number(values.every))),
};
console.log(JSON.stringify({ every: Number(values.every), ...found }));
process.exitCode = Object.values(found).every(({ wrong }) => wrong === 0) ? 0 : 1;
