/**
 * `npm run test:tools`: thirty tool tasks on the pair qwen2.5-coder-1.5b (OUTRIDER_GGUF, or 1.1 GB obtained once) in
 * llama.cpp, through openai for JavaScript, the AI SDK and LangChain, which are installed into .cache/sdk.
 * OUTRIDER_TOOL_TASKS=10 takes the first ten, 10-20 the next.
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/tools/**/*.test.ts"],
    globalSetup: ["wasm/build.js", "test/workerd/bundle.ts"],
    fileParallelism: false,
    testTimeout: 10_800_000,
    hookTimeout: 1_800_000,
  },
});
