/** Packs: what is written is read back, laid out as pack-header.ts says; damaged packs are refused. */

import { describe, expect, test } from "vitest";
import { importGguf } from "../../src/core/format/import.ts";
import { type PackedModel, writePack } from "../../src/core/format/pack.ts";
import { SHARD_BYTES } from "../../src/core/format/pack-header.ts";
import { readPack, readPackHeader } from "../../src/core/format/pack-reader.ts";
import { readSafetensors } from "../../src/core/format/safetensors.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { configFromHuggingFace } from "../../src/core/model/huggingface-config.ts";
import { tensorBytes } from "../../src/core/model/layouts.ts";
import { sha256Hex } from "../../src/core/model/sha256.ts";
import { EMBEDDING, FINAL_NORM } from "../../src/core/model/tensors.ts";
import { packable } from "../../src/tools/compress/rounding/packable.ts";
import { MemoryDirectory } from "../support/files.ts";
import { damaged, goldenBytes, outcome } from "../support/golden.ts";
import { seeded } from "../support/random.ts";

// What no format holds exactly is rounded, as it is before a pack is written.
const model = packable(await importGguf(bytesSource("llama.gguf", goldenBytes("llama.gguf")), "golden"));
const written = async (packed: PackedModel): Promise<MemoryDirectory> => {
  const directory = new MemoryDirectory();
  await writePack(packed, directory);
  return directory;
};
const pack = await written(model);

/** The golden model with an embedding of more than a shard. */
function largeModel(): PackedModel {
  const [rows, cols] = [600_000, 64];
  const random = seeded(1);
  const bytes = Uint8Array.from({ length: tensorBytes({ format: "q8", rows, cols }) }, () => random() * 256);
  return {
    ...model,
    config: { ...model.config, vocabulary: rows },
    tensors: new Map([...model.tensors, [EMBEDDING, { format: "q8", rows, cols, bytes }]]),
  };
}

test("a pack has the files of a Hugging Face directory, pack.json last", () => {
  expect([...pack.files.keys()]).toEqual([
    "model-00001-of-00001.safetensors",
    "model.safetensors.index.json",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "pack.json",
  ]);
  expect(configFromHuggingFace(JSON.parse(pack.text("config.json")))).toEqual(model.config);
  expect(pack.text("tokenizer.json")).toBe(model.tokenizer["tokenizer.json"]);
});

test("reading gives back the model, byte for byte", async () => {
  expect(await readPack(pack.open)).toEqual(model);
});

test("a draft's target survives", async () => {
  const target = { model: "big", context: 4096, eosIds: [1, 2] };
  expect((await readPack((await written({ ...model, target })).open)).target).toEqual(target);
});

describe("a tensor larger than a shard", async () => {
  const large = largeModel();
  const directory = await written(large);
  const header = readPackHeader(directory.text("pack.json"));

  test("is cut between blocks of 16 rows, into shards within the limit", () => {
    const { parts } = header.tensors[EMBEDDING]!;
    expect(parts.length).toBe(2);
    for (const part of parts) expect(part.bytes % ((64 / 32) * 576)).toBe(0);
    for (const shard of header.shards) expect(shard.bytes).toBeLessThanOrEqual(SHARD_BYTES);
  });

  test("reads back whole", async () => {
    const read = await readPack(directory.open);
    expect(Buffer.compare(read.tensors.get(EMBEDDING)!.bytes, large.tensors.get(EMBEDDING)!.bytes)).toBe(0);
  });

  test("lies in safetensors files that anyone can read, 64-byte aligned, named in the index", async () => {
    const { weight_map: weightMap } = JSON.parse(directory.text("model.safetensors.index.json"));
    const names: string[] = [];
    for (const [index, shard] of header.shards.entries()) {
      const bytes = directory.files.get(shard.file)!;
      expect(await sha256Hex(bytes)).toBe(shard.sha256);
      for (const stored of (await readSafetensors(bytesSource(shard.file, bytes))).values()) {
        const [name, part = "0"] = stored.name.split("#");
        const place = header.tensors[name!]!.parts[Number(part)]!;
        expect(place).toMatchObject({ shard: index, offset: stored.offset });
        expect([stored.offset % 64, stored.dtype]).toEqual([0, "U8"]);
        expect(stored.bytes - place.bytes).toBeLessThan(64);
        expect(weightMap[stored.name]).toBe(shard.file);
        names.push(stored.name);
      }
    }
    expect(names.sort()).toEqual(Object.keys(weightMap).sort());
    expect(names).toContain(`${EMBEDDING}#1`);
  });
});

describe("writing refuses", () => {
  const without = (name: string) => new Map([...model.tensors].filter(([own]) => own !== name));
  test("a model without one of its tensors", async () => {
    const broken = { ...model, tensors: without("model.norm.weight") };
    await expect(written(broken)).rejects.toThrow("tensor model.norm.weight is missing or not 1 × 64");
  });
  test("a tensor with other bytes than its shape's", async () => {
    const norm = { ...model.tensors.get("model.norm.weight")!, bytes: new Uint8Array(4) };
    await expect(
      written({ ...model, tensors: new Map([...model.tensors, ["model.norm.weight", norm]]) }),
    ).rejects.toThrow("tensor model.norm.weight is missing or not 1 × 64");
  });
});

describe("the header is refused", () => {
  // biome-ignore lint/suspicious/noExplicitAny: tests break the header in ways its type forbids
  const changed = (change: (header: any) => void): string => {
    const header = JSON.parse(pack.text("pack.json"));
    change(header);
    return JSON.stringify(header);
  };
  const q = "model.layers.0.self_attn.q_proj.weight";
  // biome-ignore lint/suspicious/noExplicitAny: see above
  const cases: [string, (header: any) => void, string, string][] = [
    [
      "of another version",
      (h) => (h.version = 1),
      "unknown_pack_version",
      "version 1; this build reads version 2. Make the pack again",
    ],
    ["without a version", (h) => delete h.version, "bad_pack", "version"],
    ["with a missing tensor", (h) => delete h.tensors[q], "bad_pack", `tensor ${q} is missing`],
    [
      "with an extra tensor",
      (h) => (h.tensors.x = { ...h.tensors[q], parts: [] }),
      "bad_pack",
      "tensors that the config does not",
    ],
    [
      "with a wrong shape",
      (h) => (h.tensors[q].rows = 64),
      "bad_pack",
      `tensor ${q} is 64 × 64, the config says 128 × 64`,
    ],
    ["with too few bytes", (h) => (h.tensors[q].parts[0].bytes -= 320), "bad_pack", `tensor ${q} has`],
    [
      "with a part past its shard",
      (h) => (h.tensors[q].parts[0].offset = 1e9),
      "bad_pack",
      `tensor ${q} reaches past the end`,
    ],
    [
      "with a part in no shard",
      (h) => (h.tensors[q].parts[0].shard = 1),
      "bad_pack",
      `tensor ${q} lies in shard 1, but there are 1`,
    ],
    ["with an unknown format", (h) => (h.tensors[q].format = "q2"), "bad_pack", "format"],
    [
      "with a norm in blocks",
      (h) => (h.tensors[FINAL_NORM].format = "q8"),
      "bad_pack",
      "is q8, but a norm or bias is f32",
    ],
    [
      "with a matrix of floats",
      (h) => (h.tensors[q].format = "f32"),
      "bad_pack",
      "is f32, but a matrix is one of q4u,",
    ],
    ["with outliers of an older kind", (h) => (h.tensors[q].outliers = 2), "bad_pack", "outliers: Invalid input"],
    [
      "with outliers that are not there",
      (h) => (h.tensors[q].outliers = { count: 1, bytes: 28 }),
      "bad_pack",
      `tensor ${q} has 5120 bytes, 128 × 64 q4u needs 5148`,
    ],
    [
      "with an embedding with outliers",
      (h) => (h.tensors[EMBEDDING].outliers = { count: 0, bytes: 0 }),
      "bad_pack",
      "must be without outliers",
    ],
    ["with a shard over the limit", (h) => (h.shards[0].bytes = SHARD_BYTES + 1), "bad_pack", "the limit is"],
    ["with a shard elsewhere", (h) => (h.shards[0].file = "../x"), "bad_pack", "is not a plain file name"],
    ["with an impossible config", (h) => (h.config.kvHeads = 3), "invalid_config", "4 query heads cannot share 3"],
    ["with a billion layers", (h) => (h.config.layers = 1e9), "bad_pack", "config.layers exceeds"],
  ];
  test.each(cases)("%s", (_, change, code, message) => {
    expect(() => readPackHeader(changed(change))).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
  test("that is not JSON", () => {
    expect(() => readPackHeader("{")).toThrow("pack.json is not JSON");
  });
});

test("1,000 damaged headers and shards are read as they were or refused", async () => {
  const counts = new Map<string, number>();
  const fault = async (name: string, bytes: Uint8Array) => {
    const directory = new MemoryDirectory();
    for (const [own, content] of pack.files) directory.files.set(own, own === name ? bytes : content);
    const result = await outcome(() => readPack(directory.open));
    counts.set(result, (counts.get(result) ?? 0) + 1);
  };
  const header = pack.files.get("pack.json")!;
  const shard = pack.files.get("model-00001-of-00001.safetensors")!;
  for (const bytes of damaged(header, 700, header.length, 3)) await fault("pack.json", bytes);
  expect(counts.get("read") ?? 0).toBeLessThan(150);
  counts.clear();
  for (const bytes of damaged(shard, 300, shard.length, 4)) {
    if (Buffer.compare(bytes, shard) !== 0) await fault("model-00001-of-00001.safetensors", bytes);
  }
  expect([...counts.keys()]).toEqual(["corrupt_shard"]);
});
