/**
 * Three suites in one run, one after the other: unit in Node, edge in workerd, and the whole path on the real model
 * (see test/README.md).
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          sequence: { groupOrder: 0 },
          include: ["test/**/*.test.ts"],
          exclude: ["test/workerd/**", "test/real/**", "test/engines/**", "test/reference/**", "test/page/**"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "workerd",
          sequence: { groupOrder: 1 },
          include: ["test/workerd/**/*.test.ts"],
          // One client waits for one Worker most of the time: two files fill two cores, more would only slow each other.
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "real",
          sequence: { groupOrder: 2 },
          include: ["test/real/**/*.test.ts"],
          globalSetup: ["test/real/setup.ts"],
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
