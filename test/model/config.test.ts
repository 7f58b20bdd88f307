/** Hugging Face configs in and out. */
import { expect, test } from "vitest";
import {
  blockShape,
  checkConfig,
  configFromHuggingFace,
  configToHuggingFace,
  type LlamaConfig,
  totalKvHeads,
} from "../../src/model/config.ts";

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
  expect(() => configFromHuggingFace(scaled)).toThrow("RoPE is scaled");
});

test.each([
  [{ model_type: "qwen2" }, "unsupported_model", 'model_type is "qwen2"'],
  [{ rope_scaling: { type: "linear" } }, "unsupported_model", "RoPE is scaled"],
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
