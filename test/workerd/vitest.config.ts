/** The edge Worker as built, in workerd, on the tiny model. The tests themselves run in Node and talk to it over sockets. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "workerd",
    include: ["**/*.test.ts"],
    root: import.meta.dirname,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
