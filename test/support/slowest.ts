/**
 * A vitest reporter: where the time of a run went, a tree of projects, their slowest files and the slowest tests of
 * these.
 */
import type { Reporter, TestCase, TestModule } from "vitest/node";

const FILES = 8;
const TESTS = 3;
/** Shorter tests are not named. */
const MIN_MS = 100;

export default class Slowest implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    if (modules.length < 2) return;
    const byProject = Map.groupBy(modules, ({ project }) => project.name);
    const lines = [...byProject].flatMap(([project, ofProject]) => [
      `${seconds(sum(ofProject.map(spent)))} ${project}, ${ofProject.length} files`,
      ...slowest(ofProject, spent, FILES).flatMap((module) => [
        `  ${seconds(spent(module))} ${module.relativeModuleId}`,
        ...slowest(
          [...module.children.allTests()].filter((test) => testTime(test) >= MIN_MS),
          testTime,
          TESTS,
        ).map((test) => `    ${seconds(testTime(test))} ${test.fullName}`),
      ]),
    ]);
    console.log(`\nSlowest, in seconds (files run side by side):\n${lines.join("\n")}`);
  }
}

/** Everything a file took: imports, hooks and tests, in ms. */
function spent(module: TestModule): number {
  const { prepareDuration, collectDuration, setupDuration, duration } = module.diagnostic();
  return prepareDuration + collectDuration + setupDuration + duration;
}

const testTime = (test: TestCase): number => test.diagnostic()?.duration ?? 0;

function slowest<T>(items: readonly T[], time: (item: T) => number, count: number): T[] {
  return [...items].sort((a, b) => time(b) - time(a)).slice(0, count);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const seconds = (ms: number): string => (ms / 1000).toFixed(1).padStart(7);
