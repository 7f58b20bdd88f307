/** `npm run test:draft`: `outrider draft` on the tiny model with the real Python programs. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/taught-draft/**/*.test.ts"],
    // The first run installs PyTorch.
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
  },
});
