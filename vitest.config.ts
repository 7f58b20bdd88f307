/** All suites of vitest. `npm test` runs the projects unit and workerd, `npm run suite NAME` one of the others. */
import { defineConfig } from "vitest/config";
import { WorkerdFirst } from "./test/support/workerd-first.ts";

/** vitest leaves one core idle unless told otherwise: on two cores every file would wait for the one before. */
const ALL_CORES = "100%";

const MINUTE_MS = 60_000;
/**
 * How long a test or a hook may take before it counts as hanging. None takes a tenth of it on a usual machine: a test
 * must hold on one that is ten times slower, or that does ten other things.
 */
const HANGING_MS = 10 * MINUTE_MS;

const WASM = "wasm/build.js";
const PAGE = "src/page/build.js";
const BUNDLE = "test/workerd/bundle.ts";

/** A suite that `npm test` does not run. It comes after all others, and its files one after the other. */
interface Heavy {
  readonly include?: readonly string[];
  readonly globalSetup?: readonly string[];
  readonly testMinutes: number;
  readonly hookMinutes?: number;
  readonly env?: Record<string, string>;
  readonly sideBySide?: true;
}

const HEAVY: Readonly<Record<string, Heavy>> = {
  real: {
    include: ["test/real/**/*.test.ts", "test/workerd/recipes.test.ts"],
    // `npm test` takes a recipe of each kind.
    env: { OUTRIDER_TEST_RECIPES: "all" },
    globalSetup: [WASM, PAGE, BUNDLE, "test/real/setup.ts"],
    testMinutes: 30,
  },
  docs: { include: ["test/docs/long.ts"], testMinutes: 10 },
  package: { testMinutes: 2, hookMinutes: 10, sideBySide: true },
  page: { globalSetup: [WASM, PAGE, BUNDLE], testMinutes: 5, hookMinutes: 2, sideBySide: true },
  reference: { testMinutes: 10, sideBySide: true },
  engines: { testMinutes: 120, hookMinutes: 30 },
  pair: { globalSetup: [WASM, PAGE, BUNDLE], testMinutes: 180, hookMinutes: 30 },
  tools: { globalSetup: [WASM, PAGE, BUNDLE], testMinutes: 180, hookMinutes: 30 },
  qwen: { testMinutes: 30 },
  // The first run installs PyTorch.
  "taught-draft": { testMinutes: 30, sideBySide: true },
};

const heavy = Object.entries(HEAVY).map(
  ([name, { include, globalSetup = [], testMinutes, hookMinutes, env, sideBySide }], at) => ({
    test: {
      name,
      sequence: { groupOrder: at + 1 },
      include: [...(include ?? [`test/${name}/**/*.test.ts`])],
      globalSetup: [...globalSetup],
      ...(env && { env }),
      fileParallelism: sideBySide ?? false,
      testTimeout: testMinutes * MINUTE_MS,
      hookTimeout: (hookMinutes ?? testMinutes) * MINUTE_MS,
    },
  }),
);

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/slowest.ts"],
    maxWorkers: ALL_CORES,
    sequence: { sequencer: WorkerdFirst },
    projects: [
      {
        test: {
          name: "unit",
          // Modules are loaded once a worker and not once a file. What a test sets, it sets back.
          isolate: false,
          maxWorkers: ALL_CORES,
          globalSetup: [WASM, PAGE],
          include: ["test/**/*.test.ts"],
          exclude: ["workerd", ...Object.keys(HEAVY).filter((name) => name !== "docs")].map(
            (name) => `test/${name}/**`,
          ),
          testTimeout: HANGING_MS,
          hookTimeout: HANGING_MS,
        },
      },
      {
        test: {
          name: "workerd",
          maxWorkers: ALL_CORES,
          globalSetup: ["build.js", BUNDLE],
          include: ["test/workerd/**/*.test.ts"],
          testTimeout: HANGING_MS,
          hookTimeout: HANGING_MS,
        },
      },
      ...heavy,
    ],
  },
});
