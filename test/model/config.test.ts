/** Hugging Face configs in and out. */
import { expect, test } from "vitest";
import { blockShape, checkConfig, type LlamaConfig, totalKvHeads } from "../../src/core/model/config.ts";
import { configFromHuggingFace, configToHuggingFace } from "../../src/core/model/huggingface-config.ts";

const config: LlamaConfig = {
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headSize: 64,
  embedding: 576,
  feedForward: 1536,
  vocabulary: 49152,
  context: 8192,
  ropeTheta: 100000,
  normEpsilon: 1e-5,
  tied: true,
  bosId: 1,
  eosIds: [2],
};

test("a config survives the way to Hugging Face and back", () => {
  expect(configFromHuggingFace(configToHuggingFace(config))).toEqual(config);
  const many = { ...config, eosIds: [2, 0] };
  expect(configFromHuggingFace(configToHuggingFace(many))).toEqual(many);
});

test("transformers 5 keeps rope_theta in rope_parameters", () => {
  const { rope_theta, ...json } = configToHuggingFace(config);
  const read = configFromHuggingFace({ ...json, rope_parameters: { rope_type: "default", rope_theta } });
  expect(read.ropeTheta).toBe(100000);
  const scaled = { ...json, rope_parameters: { rope_type: "llama3", rope_theta, factor: 8 } };
  expect(() => configFromHuggingFace(scaled)).toThrow("low_freq_factor is missing");
});

const LLAMA3 = { type: "llama3", factor: 8, lowTurns: 1, highTurns: 4, originalContext: 8192 } as const;

test.each<[string, string, Partial<LlamaConfig>]>([
  ["llama", "LlamaForCausalLM", {}],
  ["llama", "LlamaForCausalLM", { ropeScaling: LLAMA3, tied: false, headSize: 96 }],
  ["qwen2", "Qwen2ForCausalLM", { qkvBias: true }],
  ["qwen3", "Qwen3ForCausalLM", { qkNorm: true, headSize: 128 }],
])("%s is written as %s, and read with what it adds (%o)", (model_type, className, change) => {
  const json = configToHuggingFace({ ...config, ...change });
  expect(json).toMatchObject({ model_type, architectures: [className] });
  expect(configFromHuggingFace(json)).toEqual({ ...config, ...change });
});

test("features that no architecture has together are refused", () => {
  expect(() => checkConfig({ ...config, qkNorm: true, qkvBias: true })).toThrow(
    expect.objectContaining({ code: "unsupported_model", message: expect.stringContaining("qkvBias and qkNorm") }),
  );
});

test("a scaling that stretches nothing is refused", () => {
  for (const change of [{ factor: 0.5 }, { lowTurns: 4 }, { originalContext: 0 }]) {
    expect(() => checkConfig({ ...config, ropeScaling: { ...LLAMA3, ...change } })).toThrow("stretches no frequencies");
  }
});

test("a sliding window ends the context where full attention would become another", () => {
  const { model_type: _, ...json } = configToHuggingFace(config);
  const context = (change: object) => configFromHuggingFace({ ...json, ...change }).context;
  expect(context({ model_type: "mistral", sliding_window: null })).toBe(8192);
  expect(context({ model_type: "mistral", sliding_window: 4096 })).toBe(4096);
  expect(context({ model_type: "qwen2", sliding_window: 4096, use_sliding_window: false })).toBe(8192);
  expect(context({ model_type: "qwen2", sliding_window: 4096, use_sliding_window: true })).toBe(4096);
  expect(context({ model_type: "qwen2", sliding_window: 32768, use_sliding_window: true })).toBe(8192);
});

test.each([
  [{ model_type: "gemma3" }, "unsupported_model", 'model_type is "gemma3"'],
  [{ model_type: "phi3" }, "unsupported_model", "--draft none"],
  [{ rope_scaling: { type: "linear" } }, "unsupported_model", 'RoPE is scaled by "linear"'],
  [{ rope_parameters: { rope_type: "yarn" } }, "unsupported_model", 'RoPE is scaled by "yarn"'],
  [{ rope_parameters: { partial_rotary_factor: 0.5 } }, "unsupported_model", "turns a part of each head"],
  [{ attention_bias: true }, "unsupported_model", "attention_bias is true"],
  [{ mlp_bias: true }, "unsupported_model", "mlp_bias is true"],
  [{ hidden_act: "gelu" }, "unsupported_model", 'hidden_act is "gelu"'],
  [{ hidden_size: "576" }, "invalid_config", "hidden_size is not a number"],
  [{ num_hidden_layers: undefined }, "invalid_config", "num_hidden_layers is missing"],
  [{ num_key_value_heads: 2 }, "invalid_config", "9 query heads cannot share 2"],
  [{ intermediate_size: 1500 }, "invalid_config", "feedForward must be a multiple of 32"],
  [{ rope_theta: 0 }, "invalid_config", "ropeTheta must be a positive number"],
  [{ eos_token_id: [2, 49152] }, "invalid_config", "token 49152 is not one of the 49152"],
])("%o is refused", (change, code, message) => {
  expect(() => configFromHuggingFace({ ...configToHuggingFace(config), ...change })).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});

test("sizes must be whole and positive", () => {
  expect(() => checkConfig({ ...config, layers: 0 })).toThrow("layers must be a positive whole number, got 0");
  expect(() => checkConfig({ ...config, headSize: 64.5 })).toThrow("headSize must be a positive whole number");
});

test("blocks have the widths of the config, or their own", () => {
  const two = { ...config, layers: 2 };
  expect(blockShape(two, 1)).toEqual({ heads: 9, kvHeads: 3, feedForward: 1536 });
  expect(totalKvHeads(two)).toBe(6);
  const widths = [
    { kvHeads: 3, feedForward: 1536 },
    { kvHeads: 2, feedForward: 1024 },
  ];
  const uneven = checkConfig({ ...two, widths });
  expect(blockShape(uneven, 1)).toEqual({ heads: 6, kvHeads: 2, feedForward: 1024 });
  expect(totalKvHeads(uneven)).toBe(5);
});

test.each([
  [[], "widths of 0 blocks for 30 layers"],
  [Array(30).fill({ kvHeads: 0, feedForward: 1024 }), "block 0: 0 key/value heads of 3"],
  [Array(30).fill({ kvHeads: 4, feedForward: 1024 }), "block 0: 4 key/value heads of 3"],
  [Array(30).fill({ kvHeads: 3, feedForward: 1000 }), "channels are a multiple of 32"],
  [Array(30).fill({ kvHeads: 3, feedForward: 2048 }), "2048 channels of 1536"],
])("widths that fit no block are refused (%#)", (widths, message) => {
  expect(() => checkConfig({ ...config, widths })).toThrow(message);
});
