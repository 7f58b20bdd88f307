/**
 * `npm run test:pair`: the pair qwen2.5-coder-1.5b on its real file (OUTRIDER_GGUF, or 1.1 GB obtained once) in
 * llama.cpp. OUTRIDER_PAIR_DRAFT names a draft's pack to take for the pair's own.
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/pair/**/*.test.ts"],
    globalSetup: ["wasm/build.js", "test/workerd/bundle.ts"],
    fileParallelism: false,
    testTimeout: 10_800_000,
    hookTimeout: 1_800_000,
  },
});
