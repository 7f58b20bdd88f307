/** The page in a real browser: outside `npm test` because it needs one, run by `npm run test:page`. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/page/**/*.test.ts"],
    globalSetup: ["wasm/build.js", "test/workerd/bundle.ts"],
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
