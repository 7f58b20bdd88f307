import { expect, test } from "vitest";
import { modelId } from "../../src/core/model/model-id.ts";

test.each([
  ["models/SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2-135m-instruct"],
  ["Llama-3.2-1B-Instruct-Q4_K_M.gguf", "llama-3.2-1b-instruct"],
  ["qwen-iq2_xs.gguf", "qwen"],
  ["tiny.bf16.gguf", "tiny"],
  ["tiny.gguf", "tiny"],
  ["checkpoints/Qwen2.5-Coder-7B-Instruct/", "qwen2.5-coder-7b-instruct"],
  ["Qwen/Qwen2.5-Coder-32B-Instruct-AWQ", "qwen2.5-coder-32b-instruct"],
  ["Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "qwen2.5-7b-instruct"],
])("%s holds %s", (file, id) => {
  expect(modelId(file)).toBe(id);
});
