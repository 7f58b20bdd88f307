/**
 * Public suites of JSON Schema, cloned at first use: one of them has no licence, so neither is vendored. Needs git and a
 * network once.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../src/core/platform/places.ts";

const REPOSITORIES = {
  "JSON-Schema-Test-Suite": "https://github.com/json-schema-org/JSON-Schema-Test-Suite",
  jsonschemabench: "https://github.com/guidance-ai/jsonschemabench",
} as const;

/** A schema and values that a suite labels. */
export interface Case {
  readonly name: string;
  readonly schema: unknown;
  readonly tests: readonly { readonly data: unknown; readonly valid: boolean }[];
}

/** Where suites lie unless a folder of clones is named. */
export const suitesFolder = (named?: string): string => named ?? join(cacheFolder(), "suites");

function clone(name: keyof typeof REPOSITORIES, folder: string): string {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync("git", ["clone", "--depth", "1", REPOSITORIES[name], path], { stdio: "inherit" });
  } catch {
    console.error(`${name} could not be cloned; name a folder that has it with --suites`);
    process.exit(1);
  }
  return path;
}

const filesOf = (folder: string): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .sort();
const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

/** An integer written as `1.0`: draft 4 counts it as none, and a value that was parsed does not show it. */
const POINTED = /^-?\d+\.0+$/;

/** An integer that is another one once it was parsed. */
const isRounded = (value: unknown, source: string): boolean =>
  /^-?\d+$/.test(source) && !Number.isSafeInteger(value) && BigInt(source) !== BigInt(value as number);

/** A case whose tests do not rest on how an integer is written. */
function readCase(path: string): Omit<Case, "name"> {
  const text = readFileSync(path, "utf8");
  /** Of the values read since the last test: whether one is written so. */
  let is = { pointed: false, rounded: false };
  const written = new Map<unknown, typeof is>();
  // Parts are revived before what they are parts of.
  function revive(this: unknown, key: string, value: unknown, { source }: { source?: string }): unknown {
    if (source !== undefined && typeof value === "number") {
      is = { pointed: is.pointed || POINTED.test(source), rounded: is.rounded || isRounded(value, source) };
    }
    const isTest = Object.hasOwn(Object(value), "valid");
    if (isTest) written.set(value, is);
    if (isTest || (key === "schema" && Object.hasOwn(Object(this), "tests"))) is = { pointed: false, rounded: false };
    return value;
  }
  const { schema, tests } = JSON.parse(text, revive as (this: unknown, key: string, value: unknown) => unknown);
  const isOld = /draft-04/.test(String(schema?.$schema));
  const rests = (test: unknown) => written.get(test)?.rounded || (isOld && written.get(test)?.pointed);
  return { schema, tests: (tests as Case["tests"]).filter((each) => !rests(each)) };
}

/** `format` is an annotation there and enforced here, and one schema is of another dialect. */
const ANOTHER_READING = new Set(["format.json", "vocabulary.json"]);

/** What an implementation of draft 2020-12 must do, by JSON-Schema-Test-Suite. */
export function* required(folder: string): Generator<Case> {
  const path = join(clone("JSON-Schema-Test-Suite", folder), "tests", "draft2020-12");
  for (const file of filesOf(path)) {
    if (ANOTHER_READING.has(file)) continue;
    for (const each of read(join(path, file)) as (Omit<Case, "name"> & { description: string })[]) {
      yield { ...each, name: `${file}: ${each.description}` };
    }
  }
}

/** MaskBench, whose cases are read when they are asked for: 11,306 files, some of megabytes. */
export class MaskBench {
  /** In their order. */
  readonly names: readonly string[];
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(clone("jsonschemabench", folder), "maskbench", "data");
    this.names = filesOf(this.#path);
  }

  read(name: string): Case {
    return { name, ...readCase(join(this.#path, name)) };
  }

  /** Every `every`th. */
  *every(every: number): Generator<Case> {
    for (let at = 0; at < this.names.length; at += every) yield this.read(this.names[at]!);
  }
}
