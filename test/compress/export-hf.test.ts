/** Exported checkpoints, read back: every value in its place. That transformers loads them is in test/real. */
import { describe, expect, test } from "vitest";
import { importSafetensors } from "../../src/core/format/import.ts";
import type { PackedModel } from "../../src/core/format/pack.ts";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { readSafetensors } from "../../src/core/format/safetensors.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { bf16ToNumber, numberToBf16 } from "../../src/core/model/f16.ts";
import { blockTensor, EMBEDDING, tensorShapes } from "../../src/core/model/tensors.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { exportHuggingFace } from "../../src/tools/compress/export-hf.ts";
import { pruneWidth } from "../../src/tools/compress/stages/prune-width.ts";
import { trimVocabulary } from "../../src/tools/compress/stages/trim-vocabulary.ts";
import { MemoryDirectory } from "../support/files.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const tiny = await readPack(openDirectory(TINY_PACKS.target));
const DOWN = "mlp.down_proj.weight";

async function exported(model: PackedModel, dtype: "F32" | "BF16") {
  const directory = new MemoryDirectory();
  await exportHuggingFace(model, directory, dtype);
  const stored = await readSafetensors(await directory.open("model.safetensors"));
  const values = async (name: string) => {
    const { source, offset, bytes } = stored.get(name)!;
    const copy = (await source.read(offset, bytes)).slice();
    return dtype === "F32"
      ? new Float32Array(copy.buffer)
      : Float32Array.from(new Uint16Array(copy.buffer), (bits) => bf16ToNumber(bits));
  };
  return { directory, stored, values };
}

const valuesOf = (model: PackedModel, name: string) => {
  const tensor = model.tensors.get(name)!;
  return decodeTensor(tensor, tensor.bytes);
};

describe("export", () => {
  test("holds every value, and imports again as the same model", async () => {
    const { directory, stored, values } = await exported(tiny, "F32");
    expect(new Set(stored.keys())).toEqual(new Set(tensorShapes(tiny.config).map(({ name }) => name)));
    for (const { name } of tensorShapes(tiny.config)) expect(await values(name)).toEqual(valuesOf(tiny, name));
    const again = await importSafetensors(directory.open, "again");
    expect(again.config).toEqual(tiny.config);
    expect(again.vocabulary).toEqual(tiny.vocabulary);
  });

  test("in bf16 values are rounded", async () => {
    const { values } = await exported(tiny, "BF16");
    const name = blockTensor(3, DOWN);
    expect(await values(name)).toEqual(valuesOf(tiny, name).map((value) => bf16ToNumber(numberToBf16(value))));
  });

  test("narrower blocks are padded with zeros to the widest", async () => {
    const all = (count: number) => Array.from({ length: count }, (_, n) => n);
    const whole = { kvHeads: all(2), channels: all(96) };
    const narrow = { kvHeads: [1], channels: all(96).slice(32) };
    const pruned = pruneWidth(tiny, [whole, narrow, narrow, narrow, narrow, whole]);
    const { directory, values } = await exported(pruned, "F32");
    expect(JSON.parse(directory.text("config.json"))).toMatchObject({
      intermediate_size: 96,
      num_key_value_heads: 2,
      num_attention_heads: 4,
      torch_dtype: "float32",
    });
    const before = valuesOf(tiny, blockTensor(1, DOWN));
    for (const [n, value] of (await values(blockTensor(1, DOWN))).entries()) {
      const [row, col] = [Math.floor(n / 96), n % 96];
      expect(value).toBe(col < 64 ? before[row * 96 + 32 + col] : 0);
    }
    const keys = await values(blockTensor(1, "self_attn.k_proj.weight"));
    expect(keys.subarray(0, 32 * 64)).toEqual(
      valuesOf(tiny, blockTensor(1, "self_attn.k_proj.weight")).subarray(32 * 64),
    );
    expect(keys.subarray(32 * 64).every((value) => value === 0)).toBe(true);
  });

  test("a token without a row gets the row that it is read from", async () => {
    const counts = async (size: number) => Array.from({ length: size }, (_, id) => id);
    const trimmed = await trimVocabulary(tiny, { stage: "trim-vocabulary", keep: 400, by: "frequency" }, { counts });
    const { directory, values } = await exported(trimmed, "F32");
    expect(JSON.parse(directory.text("config.json")).vocab_size).toBe(tiny.vocabulary.size);
    const [all, before] = [await values(EMBEDDING), valuesOf(tiny, EMBEDDING)];
    const [own, missing] = [new Set(trimmed.kept), [...(trimmed.substitutes ?? [])]];
    expect(missing.length).toBe(tiny.vocabulary.size - 400);
    const { embedding: width } = tiny.config;
    for (let id = 0; id < tiny.vocabulary.size; id++) {
      const from = own.has(id) ? id : missing.shift()!;
      expect(all.subarray(id * width, (id + 1) * width)).toEqual(before.subarray(from * width, (from + 1) * width));
    }
    const again = await importSafetensors(directory.open, "again");
    expect(again.vocabulary).toEqual(tiny.vocabulary);
  });
});
