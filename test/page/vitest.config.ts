/** The page in a real browser: outside `npm test` because it needs one, run by `npm run test:page`. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/page/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 },
});
