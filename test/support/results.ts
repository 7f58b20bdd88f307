/**
 * A vitest reporter for `.ci/run`: writes to the file that OUTRIDER_RESULTS names how many tests passed and failed, and
 * every failure in a few lines: of tests, of hooks, of files that did not load, and errors that belong to no test, such
 * as a worker that died.
 */
import { writeFileSync } from "node:fs";
import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";

export interface Results {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly string[];
}

/** Lines of an error's message that are kept. */
const LINES = 6;
const WIDTH = 240;
/** States of a file whose worker died. */
const UNFINISHED = new Set(["queued", "pending"]);

export default class ResultsFile implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const file = process.env.OUTRIDER_RESULTS;
    if (file) writeFileSync(file, JSON.stringify(resultsOf(modules, unhandled)));
  }
}

function resultsOf(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Results {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const failed = tests.filter((test) => test.result().state === "failed");
  const groups = modules.flatMap((module) => [
    { name: nameOf(module), errors: module.errors() },
    ...[...module.children.allSuites()].map((suite) => ({
      name: `${nameOf(module)} > ${suite.fullName}`,
      errors: suite.errors(),
    })),
  ]);
  const failures = [
    ...failed.map((test) => described(`${nameOf(test.module)} > ${test.fullName}`, test.result().errors ?? [])),
    ...groups.filter(({ errors }) => errors.length > 0).map(({ name, errors }) => described(name, errors)),
    ...modules.filter((module) => UNFINISHED.has(module.state())).map((module) => `${nameOf(module)}\n    did not end`),
    ...unhandled.map((error) => described("outside of every test", [error, ...causeOf(error)])),
  ];
  const passed = tests.filter((test) => test.result().state === "passed").length;
  return { passed, failed: failures.length, failures };
}

const nameOf = (module: TestModule): string =>
  module.project.name ? `${module.project.name} ${module.relativeModuleId}` : module.relativeModuleId;

const causeOf = ({ cause }: SerializedError): SerializedError[] => (cause ? [cause as SerializedError] : []);

function described(name: string, errors: readonly SerializedError[]): string {
  const lines = errors.flatMap((error) => [
    ...`${error.name ?? "Error"}: ${error.message}`.split("\n").slice(0, LINES),
    ...placeOf(error),
  ]);
  return [name, ...lines.map((line) => `    ${line.slice(0, WIDTH)}`)].join("\n");
}

function placeOf({ stacks, stack = "" }: SerializedError): string[] {
  const at = stacks?.[0];
  if (at) return [`at ${at.file}:${at.line}`];
  return stack
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.startsWith("at "))
    .slice(0, 1);
}
