/** `npm run test:engines`: every engine on the real thing, heavy ones too. Needs what engines.test.ts says. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/engines/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 7_200_000,
    hookTimeout: 1_800_000,
  },
});
