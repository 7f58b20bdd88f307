/**
 * A model of each architecture out of GGUF and Hugging Face's files against transformers
 * (test/golden/make_architectures.py), and written out again.
 */
import { describe, expect, test } from "vitest";
import { readGguf } from "../../src/core/format/gguf.ts";
import { importGguf, importSafetensors } from "../../src/core/format/import.ts";
import type { PackedModel } from "../../src/core/format/pack.ts";
import { readCheckpoint, writeSafetensors } from "../../src/core/format/safetensors.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { numberToF16 } from "../../src/core/model/f16.ts";
import { configFromHuggingFace } from "../../src/core/model/huggingface-config.ts";
import { scaledFrequency } from "../../src/core/model/rope.ts";
import { sha256Hex } from "../../src/core/model/sha256.ts";
import { exportHuggingFace } from "../../src/tools/compress/export-hf.ts";
import { MemoryDirectory } from "../support/files.ts";
import { goldenBytes, goldenJson } from "../support/golden.ts";

interface Golden {
  /** As transformers 5 writes it, and in transformers 4's spelling. */
  readonly config: Record<string, unknown>;
  readonly older: Record<string, unknown>;
  readonly frequencies: readonly number[];
  /** SHA-256 of each tensor's f32 values. */
  readonly tensors: Readonly<Record<string, string>>;
}

const golden: Readonly<Record<string, Golden>> = goldenJson("architectures.json");
const bytesOf = (values: Float32Array | Uint16Array) => new Uint8Array(values.buffer);

const valuesOf = (model: PackedModel, name: string): Float32Array => {
  const tensor = model.tensors.get(name)!;
  return decodeTensor(tensor, tensor.bytes);
};

async function digests(model: PackedModel): Promise<Record<string, string>> {
  const entries = [...model.tensors.keys()].sort().map(async (name) => {
    // + 0 turns −0 into 0: packs store an offset instead of Q4_0's sign.
    return [name, await sha256Hex(bytesOf(valuesOf(model, name).map((value) => value + 0)))] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function exported(model: PackedModel, dtype: "F32" | "BF16"): Promise<MemoryDirectory> {
  const directory = new MemoryDirectory();
  await exportHuggingFace(model, directory, dtype);
  return directory;
}

describe.each(Object.entries(golden))("%s", async (name, { config, older, frequencies, tensors }) => {
  const model = await importGguf(bytesSource(`${name}.gguf`, goldenBytes(`${name}.gguf`)), name);
  const own = configFromHuggingFace(config);

  test("is the same out of GGUF as out of config.json, in either spelling", () => {
    // The file names one end, the tokenizer knows another.
    expect(model.config).toEqual({ ...own, eosIds: [2, 0] });
    expect(configFromHuggingFace(older)).toEqual(own);
  });

  test("has the values that transformers reads out of GGUF", async () => {
    expect(await digests(model)).toEqual(tensors);
  });

  test("turns by transformers' frequencies", () => {
    const { ropeTheta, ropeScaling, headSize } = model.config;
    const ours = frequencies.map((_, pair) => scaledFrequency(ropeTheta ** ((-2 * pair) / headSize), ropeScaling));
    for (const [pair, frequency] of frequencies.entries()) expect(ours[pair]! / frequency).toBeCloseTo(1, 5);
  });

  test("is written out as config.json says it in transformers, and read again whole", async () => {
    const directory = await exported(model, "F32");
    const written = JSON.parse(directory.text("config.json"));
    const {
      model_type: type,
      architectures,
      rope_theta: theta,
      rope_scaling: scaling,
      eos_token_id: _,
      ...rest
    } = older;
    const known = Object.entries(rest).filter(([key]) => key in written);
    expect(written).toMatchObject({
      ...Object.fromEntries(known),
      rope_theta: theta,
      ...(scaling ? { rope_scaling: scaling } : {}),
    });
    // A Mistral without a window is a Llama, and GGUF files call it one.
    const isLlama = type === "mistral";
    expect(written.model_type).toBe(isLlama ? "llama" : type);
    expect(written.architectures).toEqual(isLlama ? ["LlamaForCausalLM"] : architectures);
    const again = await importSafetensors(directory.open, name);
    expect(again.config).toEqual(model.config);
    expect(again.vocabulary).toEqual(model.vocabulary);
    expect(await digests(again)).toEqual(tensors);
  });

  test("is read out of two files in f16 as well", async () => {
    const directory = await exported(model, "F32");
    const stored = [...(await readCheckpoint(directory.open)).values()];
    const half = stored.map(({ name, shape }) => {
      const values = Uint16Array.from(valuesOf(model, name), numberToF16);
      return { name, dtype: "F16" as const, shape, bytes: bytesOf(values) };
    });
    const shards = [half.slice(0, 5), half.slice(5)];
    const weightMap: Record<string, string> = {};
    directory.files.delete("model.safetensors");
    for (const [n, shard] of shards.entries()) {
      const file = `model-${n}.safetensors`;
      directory.files.set(file, writeSafetensors(shard).bytes);
      for (const { name } of shard) weightMap[name] = file;
    }
    const index = JSON.stringify({ weight_map: weightMap });
    directory.files.set("model.safetensors.index.json", new TextEncoder().encode(index));
    const again = await importSafetensors(directory.open, name);
    expect(again.config).toEqual(model.config);
    for (const { name } of half) {
      const [ours, exact] = [valuesOf(again, name), valuesOf(model, name)];
      for (const [n, value] of exact.entries()) expect(Math.abs(ours[n]! - value)).toBeLessThan(0.002);
    }
  });
});

test("the tensors that an architecture adds are there", async () => {
  const added = (name: string) =>
    Object.keys(golden[name]!.tensors).filter((each) => !(each in golden.mistral!.tensors));
  expect(added("llama3")).toEqual([]);
  expect(added("qwen2")).toEqual(["q", "k", "v"].sort().map((each) => `model.layers.0.self_attn.${each}_proj.bias`));
  expect(added("qwen3")).toEqual(["k", "q"].map((each) => `model.layers.0.self_attn.${each}_norm.weight`));
});

test("the ends of an answer are those of both configurations and of the tokenizer", async () => {
  const model = await importGguf(bytesSource("qwen2.gguf", goldenBytes("qwen2.gguf")), "qwen2");
  const directory = await exported(model, "F32");
  directory.files.set("generation_config.json", new TextEncoder().encode('{"eos_token_id": [2, 1]}'));
  expect((await importSafetensors(directory.open, "qwen2")).config.eosIds).toEqual([2, 0, 1]);
  directory.files.set("generation_config.json", new TextEncoder().encode('{"eos_token_id": "x"}'));
  await expect(importSafetensors(directory.open, "qwen2")).rejects.toThrow("eos_token_id is no token id");
});

test("factors of another rule than Llama 3's are refused", async () => {
  const bytes = goldenBytes("llama3.gguf").slice();
  const source = bytesSource("x.gguf", bytes);
  const { offset } = (await readGguf(source)).tensors.get("rope_freqs.weight")!;
  new DataView(bytes.buffer).setFloat32(offset + 4, 1.5, true);
  await expect(importGguf(source, "x")).rejects.toMatchObject({
    code: "unsupported_model",
    message: expect.stringContaining("factors that are not Llama 3's"),
  });
});
