/** `npm run test:qwen`: a target of another architecture, on its real file. gguf-file.ts says which. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/qwen/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
  },
});
