/** The suites of test/README.md. `npm test` runs the first two side by side, `npm run test:real` the third. */
import { defineConfig } from "vitest/config";
import { WorkerdFirst } from "./test/support/workerd-first.ts";

/** vitest leaves one core idle unless told otherwise: on two cores every file would wait for the one before. */
const ALL_CORES = "100%";

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
          ],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "workerd",
          maxWorkers: ALL_CORES,
          globalSetup: ["build.js", "test/workerd/bundle.ts"],
          include: ["test/workerd/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 240_000,
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
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
