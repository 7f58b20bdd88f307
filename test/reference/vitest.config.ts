/** Comparisons that install other engines: outside `npm test`, run by `npm run test:reference`. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/reference/**/*.test.ts"], testTimeout: 600_000, hookTimeout: 600_000 },
});
