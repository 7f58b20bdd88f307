/** Import: exact formats stay exact, others are rounded and named, and both containers give the same model. */

import { describe, expect, test } from "vitest";
import { readGguf } from "../../src/core/format/gguf.ts";
import { readLlamaTensor } from "../../src/core/format/gguf-llama.ts";
import { importGguf, importSafetensors } from "../../src/core/format/import.ts";
import { type NewTensor, writeSafetensors } from "../../src/core/format/safetensors.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { dequantise } from "../../src/core/model/blocks.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { configToHuggingFace } from "../../src/core/model/huggingface-config.ts";
import { tensorShapes } from "../../src/core/model/tensors.ts";
import { packable } from "../../src/tools/compress/rounding/packable.ts";
import { MemoryDirectory } from "../support/files.ts";
import { damaged, goldenBytes, outcome } from "../support/golden.ts";

const file = goldenBytes("llama.gguf");
const source = bytesSource("llama.gguf", file);
const imported = await importGguf(source, "golden");
const model = packable(imported);
const gguf = await readGguf(source);

/** The golden model's f32 values by Hugging Face name, straight from its blocks. */
async function values(name: string): Promise<Float32Array> {
  const shape = tensorShapes(model.config).find((own) => own.name === name)!;
  const { type, bytes } = await readLlamaTensor(gguf, model.config, shape);
  return dequantise(type, bytes, shape.rows * shape.cols);
}

test("a pack has each tensor in the format that holds it, and the recipe names what was rounded", () => {
  const formats = Object.fromEntries(
    [...model.tensors].map(([name, tensor]) => [name.replace("model.layers.0.", ""), tensor.format]),
  );
  expect(formats).toEqual({
    "model.embed_tokens.weight": "q8",
    "input_layernorm.weight": "f32",
    "self_attn.q_proj.weight": "q4u",
    "self_attn.k_proj.weight": "q4u",
    "self_attn.v_proj.weight": "q8",
    "self_attn.o_proj.weight": "q8",
    "post_attention_layernorm.weight": "f32",
    "mlp.gate_proj.weight": "q8",
    "mlp.up_proj.weight": "q8",
    "mlp.down_proj.weight": "q8",
    "model.norm.weight": "f32",
  });
  expect(model.recipe).toEqual([
    {
      stage: "import",
      from: "gguf",
      file: "llama.gguf",
      requantised: [
        "model.layers.0.self_attn.o_proj.weight (F16)",
        "model.layers.0.mlp.gate_proj.weight (Q5_1)",
        "model.layers.0.mlp.up_proj.weight (BF16)",
      ],
    },
  ]);
  expect(model.vocabulary).toEqual({ size: 263, hash: expect.stringMatching(/^[0-9a-f]{16}$/) });
});

test.each([...model.tensors])("%s: exact, or within half a step of q8", async (name, { format, rows, cols, bytes }) => {
  const expected = await values(name);
  const decoded = decodeTensor({ format, rows, cols }, bytes);
  if (!JSON.stringify(model.recipe).includes(name)) {
    expect(decoded.map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
    return;
  }
  expect(decoded).not.toEqual(expected);
  for (let at = 0; at < expected.length; at += 32) {
    const largest = Math.max(...expected.subarray(at, at + 32).map(Math.abs));
    for (let n = at; n < at + 32; n++)
      expect(Math.abs(decoded[n]! - expected[n]!)).toBeLessThan(largest * (0.5 / 127 + 2 ** -10));
  }
});

test("until then values are what the file says", async () => {
  const name = "model.layers.0.self_attn.o_proj.weight";
  const tensor = imported.tensors.get(name)!;
  expect(decodeTensor(tensor, tensor.bytes)).toEqual(await values(name));
});

describe("safetensors", async () => {
  const directory = new MemoryDirectory();
  const config = { ...configToHuggingFace(model.config) };
  directory.files.set("config.json", new TextEncoder().encode(JSON.stringify(config)));
  for (const [name, text] of Object.entries(model.tokenizer)) directory.files.set(name, new TextEncoder().encode(text));
  const stored = await Promise.all(
    tensorShapes(model.config).map(async ({ name, rows, cols }) => {
      const bytes = new Uint8Array((await values(name)).buffer);
      return { name, dtype: "F32" as const, shape: rows === 1 ? [cols] : [rows, cols], bytes };
    }),
  );
  const withWeights = (tensors: readonly NewTensor[]) => {
    const copy = new MemoryDirectory();
    for (const [name, bytes] of directory.files) copy.files.set(name, bytes);
    copy.files.set("model.safetensors", writeSafetensors(tensors).bytes);
    return copy;
  };

  test("gives the same config, vocabulary and rounding as GGUF of the same values", async () => {
    const imported = packable(await importSafetensors(withWeights(stored).open, "golden"));
    expect(imported.config).toEqual(model.config);
    expect(imported.vocabulary).toEqual(model.vocabulary);
    expect(imported.tensors.get("model.norm.weight")).toEqual(model.tensors.get("model.norm.weight"));
    for (const name of ["self_attn.o_proj", "mlp.up_proj"]) {
      const full = `model.layers.0.${name}.weight`;
      expect(imported.tensors.get(full)).toEqual(model.tensors.get(full));
    }
    expect(imported.tensors.get("model.layers.0.self_attn.q_proj.weight")!.format).toBe("q8");
  });

  test("takes a chat template that lies in its own file", async () => {
    const checkpoint = withWeights(stored);
    const bare = JSON.stringify({ ...JSON.parse(model.tokenizer["tokenizer_config.json"]), chat_template: undefined });
    checkpoint.files.set("tokenizer_config.json", new TextEncoder().encode(bare));
    checkpoint.files.set("chat_template.jinja", new TextEncoder().encode("{{ 'hi' }}"));
    const { tokenizer } = await importSafetensors(checkpoint.open, "golden");
    expect(JSON.parse(tokenizer["tokenizer_config.json"]).chat_template).toBe("{{ 'hi' }}");
  });

  test.each([
    ["a missing tensor", stored.slice(1), "bad_safetensors", "tensor model.embed_tokens.weight is missing"],
    [
      "a wrong shape",
      [{ ...stored[0]!, shape: [64, 263] }, ...stored.slice(1)],
      "bad_safetensors",
      "is 64 × 263 F32; expected 263 × 64",
    ],
    [
      "a bias",
      [...stored, { ...stored[1]!, name: "model.layers.0.mlp.up_proj.bias" }],
      "unsupported_model",
      "it has a tensor that nothing here computes",
    ],
    [
      "a norm that is not finite",
      stored.map((tensor) =>
        tensor.name === "model.norm.weight" ? { ...tensor, bytes: new Uint8Array(256).fill(255) } : tensor,
      ),
      "bad_weights",
      "tensor model.norm.weight: weight 0 is NaN",
    ],
  ] as const)("with %s is refused", async (_, tensors, code, message) => {
    await expect(importSafetensors(withWeights(tensors).open, "golden")).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });
});

test("a tokenizer with more tokens than the embedding has rows is refused", async () => {
  const checkpoint = new MemoryDirectory();
  const config = configToHuggingFace({ ...model.config, vocabulary: 200 });
  checkpoint.files.set("config.json", new TextEncoder().encode(JSON.stringify(config)));
  const norm = { name: "model.norm.weight", dtype: "F32" as const, shape: [64], bytes: new Uint8Array(256) };
  checkpoint.files.set("model.safetensors", writeSafetensors([norm]).bytes);
  for (const [name, text] of Object.entries(model.tokenizer))
    checkpoint.files.set(name, new TextEncoder().encode(text));
  await expect(importSafetensors(checkpoint.open, "golden")).rejects.toThrow(
    "the tokenizer has 263 tokens, the embedding only 200 rows",
  );
});

test("1,200 damaged GGUF files are imported or refused", async () => {
  const { offset } = gguf.tensors.get("token_embd.weight")!;
  const counts = new Map<string, number>();
  for (const bytes of [...damaged(file, 800, offset, 12), ...damaged(file, 400, file.length, 13)]) {
    const result = await outcome(() => importGguf(bytesSource("damaged", bytes), "damaged"));
    counts.set(result, (counts.get(result) ?? 0) + 1);
  }
  expect(counts.get("bad_gguf")).toBeGreaterThan(300);
  expect(counts.get("bad_weights")).toBeGreaterThan(3);
});
