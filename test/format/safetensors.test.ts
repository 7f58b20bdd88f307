/** The container against a file of the `safetensors` package, round trips, and damaged files. */
import { describe, expect, test } from "vitest";
import { readCheckpoint, readSafetensors, writeSafetensors } from "../../src/core/format/safetensors.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { dequantise } from "../../src/core/model/blocks.ts";
import { MemoryDirectory } from "../support/files.ts";
import { damaged, goldenBytes, outcome } from "../support/golden.ts";

const read = (bytes: Uint8Array) => readSafetensors(bytesSource("x.safetensors", bytes));

/** A file with this header, whatever it says, and so many bytes of data. */
function fileOf(header: unknown, dataBytes = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}
const entry = (shape: number[], begin: number, end: number, dtype = "U8") => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test("reads every dtype of a file that the safetensors package wrote", async () => {
  const tensors = await read(goldenBytes("dtypes.safetensors"));
  const values = async (name: string, type: "F32" | "F16" | "BF16") => {
    const { source, offset, bytes, shape } = tensors.get(name)!;
    expect(shape).toEqual([2, 3]);
    return [...dequantise(type, await source.read(offset, bytes), 6)];
  };
  expect([...tensors.keys()].sort()).toEqual(["bf16", "empty", "f16", "f32", "u8"]);
  expect(await values("f32", "F32")).toEqual([0, -0, 1, -2.5, 65504, Math.fround(6e-8)]);
  expect(await values("f16", "F16")).toEqual([0, -0, 1, -2.5, 65504, 2 ** -24]);
  expect(await values("bf16", "BF16")).toEqual([0, -0, 1, -2.5, 65536, 129 * 2 ** -31]);
  const { source, offset, bytes } = tensors.get("u8")!;
  expect(await source.read(offset, bytes)).toEqual(Uint8Array.of(0, 1, 2, 3, 4));
});

test("what is written is read back, aligned to 64 bytes", async () => {
  const a = Uint8Array.from({ length: 128 }, (_, n) => n);
  const b = new Uint8Array(12).fill(7);
  const { bytes, offsets } = writeSafetensors([
    { name: "a", dtype: "U8", shape: [2, 64], bytes: a },
    { name: "ž", dtype: "F32", shape: [3], bytes: b },
  ]);
  expect(offsets.map((offset) => offset % 64)).toEqual([0, 0]);
  const tensors = await read(bytes);
  expect([...tensors.values()].map(({ name, dtype, shape, offset }) => ({ name, dtype, shape, offset }))).toEqual([
    { name: "a", dtype: "U8", shape: [2, 64], offset: offsets[0] },
    { name: "ž", dtype: "F32", shape: [3], offset: offsets[1] },
  ]);
  expect(bytes.subarray(offsets[0], offsets[0]! + 128)).toEqual(a);
  expect(bytes.subarray(offsets[1])).toEqual(b);
});

test("writing a tensor whose bytes are not its shape's is refused", () => {
  expect(() => writeSafetensors([{ name: "a", dtype: "F16", shape: [3], bytes: new Uint8Array(4) }])).toThrow(
    "6 bytes, got 4",
  );
});

describe("refuses, saying what", () => {
  const cases: [string, Uint8Array, string][] = [
    ["an empty file", new Uint8Array(3), "it has 3 bytes, too few"],
    [
      "a header longer than the file",
      fileOf("{}").fill(0xff, 0, 3),
      "byte 0: a header of 16777215 bytes does not fit a file of 10",
    ],
    ["an astronomic header", fileOf("{}").fill(0xff, 0, 8), "byte 0: a header of 18446744073709551615 bytes"],
    ["a header that is not JSON", fileOf("{a"), "byte 8: the header is not JSON"],
    ["a header that is not UTF-8", fileOf("{  }").fill(0xff, 9, 11), "byte 8: the header is not JSON"],
    ["a header that is a list", fileOf("[]"), "byte 8: the header is not a JSON object"],
    ["an entry without a shape", fileOf({ t: { dtype: "F32" } }), 'tensor "t": shape'],
    ["a negative size", fileOf({ t: entry([-1], 0, 4) }, 4), 'tensor "t": shape.0'],
    [
      "an unknown dtype",
      fileOf({ t: entry([4], 0, 4, "I64") }, 4),
      'tensor "t" has dtype "I64"; readable are F32, F16, BF16, U8',
    ],
    ["a dtype named like a method", fileOf({ t: entry([4], 0, 4, "toString") }, 4), 'tensor "t" has dtype "toString"'],
    ["a cut file", fileOf({ t: entry([4], 0, 4) }, 3), "truncated"],
    ["a shape that is not the bytes", fileOf({ t: entry([5], 0, 4) }, 5), 'tensor "t": 5 U8 is 5 bytes, not 4'],
    ["bytes that end before they begin", fileOf({ t: entry([4], 4, 0) }, 4), 'tensor "t": 4 U8 is 4 bytes, not -4'],
    ["overlapping tensors", fileOf({ t: entry([4], 0, 4), u: entry([4], 2, 6) }, 6), 'tensor "u" overlaps "t"'],
  ];
  test.each(cases)("%s", async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: "bad_safetensors",
      message: expect.stringContaining(message),
    });
  });
});

test("1,500 damaged files are read or refused", async () => {
  const file = goldenBytes("dtypes.safetensors");
  const counts = new Map<string, number>();
  for (const bytes of damaged(file, 1500, file.length, 9)) {
    const result = await outcome(() => read(bytes));
    counts.set(result, (counts.get(result) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual(["bad_safetensors", "read"]);
  expect(counts.get("bad_safetensors")).toBeGreaterThan(700);
});

describe("a checkpoint", () => {
  const shard = (name: string) => writeSafetensors([{ name, dtype: "U8", shape: [1], bytes: Uint8Array.of(1) }]).bytes;
  const sharded = (weightMap: unknown): MemoryDirectory => {
    const directory = new MemoryDirectory();
    directory.files.set("model-1.safetensors", shard("a"));
    directory.files.set("model-2.safetensors", shard("b"));
    directory.files.set(
      "model.safetensors.index.json",
      new TextEncoder().encode(JSON.stringify({ weight_map: weightMap })),
    );
    return directory;
  };

  test("of one file", async () => {
    const directory = new MemoryDirectory();
    directory.files.set("model.safetensors", shard("a"));
    expect([...(await readCheckpoint(directory.open)).keys()]).toEqual(["a"]);
  });

  test("of several files with an index", async () => {
    const tensors = await readCheckpoint(sharded({ a: "model-1.safetensors", b: "model-2.safetensors" }).open);
    expect([...tensors.values()].map(({ name, source }) => [name, source.name])).toEqual([
      ["a", "model-1.safetensors"],
      ["b", "model-2.safetensors"],
    ]);
  });

  test("of none", async () => {
    await expect(readCheckpoint(new MemoryDirectory().open)).rejects.toMatchObject({ code: "not_found" });
  });

  test.each([
    ["a tensor that is not where the index says", { a: "model-2.safetensors" }, "should be in model-2.safetensors"],
    ["a path out of the directory", { a: "../model-1.safetensors" }, "weight_map"],
    ["no map", 3, "weight_map"],
  ])("with %s is refused", async (_, weightMap, message) => {
    await expect(readCheckpoint(sharded(weightMap).open)).rejects.toMatchObject({
      code: "bad_safetensors",
      message: expect.stringContaining(message),
    });
  });
});
