/** The suites of test/README.md. `npm test` runs the first two side by side, `npm run test:real` the third. */
import { defineConfig } from "vitest/config";
import { WorkerdFirst } from "./test/support/workerd-first.ts";

/** vitest leaves one core idle unless told otherwise: on two cores every file would wait for the one before. */
const ALL_CORES = "100%";

/**
 * How long a test or a hook may take before it counts as hanging. None takes a tenth of it on a usual machine: a test
 * must hold on one that is ten times slower, or that does ten other things.
 */
const HANGING_MS = 600_000;

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/slowest.ts"],
    maxWorkers: ALL_CORES,
    sequence: { sequencer: WorkerdFirst },
    projects: [
      {
        test: {
          name: "unit",
          maxWorkers: ALL_CORES,
          globalSetup: ["wasm/build.js"],
          include: ["test/**/*.test.ts"],
          exclude: [
            "test/workerd/**",
            "test/real/**",
            "test/engines/**",
            "test/reference/**",
            "test/page/**",
            "test/package/**",
            "test/qwen/**",
            "test/taught-draft/**",
            "test/pair/**",
            "test/tools/**",
          ],
          testTimeout: HANGING_MS,
          hookTimeout: HANGING_MS,
        },
      },
      {
        test: {
          name: "workerd",
          maxWorkers: ALL_CORES,
          globalSetup: ["build.js", "test/workerd/bundle.ts"],
          include: ["test/workerd/**/*.test.ts"],
          testTimeout: HANGING_MS,
          hookTimeout: HANGING_MS,
        },
      },
      {
        test: {
          name: "real",
          sequence: { groupOrder: 1 },
          include: ["test/real/**/*.test.ts", "test/workerd/recipes.test.ts"],
          // `npm test` takes a recipe of each kind.
          env: { OUTRIDER_TEST_RECIPES: "all" },
          globalSetup: ["wasm/build.js", "test/workerd/bundle.ts", "test/real/setup.ts"],
          // Each file fills both cores of a small machine.
          fileParallelism: false,
          testTimeout: 3 * HANGING_MS,
          hookTimeout: 3 * HANGING_MS,
        },
      },
    ],
  },
});
