/** The reader against a file that the `gguf` package wrote (test/golden/make_checkpoint.py), whole and damaged. */
import { describe, expect, test } from "vitest";
import { readGguf, readGgufTensor } from "../../src/core/format/gguf.ts";
import { type ByteSource, bytesSource } from "../../src/core/format/source.ts";
import { damaged, goldenBytes, goldenJson, outcome } from "../support/golden.ts";

const file = goldenBytes("llama.gguf");
const { metadata: expected } = goldenJson("llama.json");
const read = (bytes: Uint8Array) => readGguf(bytesSource("x.gguf", bytes));

const u64 = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer);
const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
const text = (value: string) => [...u64(BigInt(value.length)), ...new TextEncoder().encode(value)];

/** A file with these metadata entries and tensor infos as raw bytes. */
const gguf = (entries: number[][], infos: number[][] = [], data = 0) => {
  const head = [
    ...new TextEncoder().encode("GGUF"),
    ...u32(3),
    ...u64(BigInt(infos.length)),
    ...u64(BigInt(entries.length)),
  ];
  const header = [...head, ...entries.flat(), ...infos.flat()];
  return Uint8Array.from([
    ...header,
    ...new Array((32 - (header.length % 32)) % 32).fill(0),
    ...new Array(data).fill(0),
  ]);
};
const info = (name: string, sizes: bigint[], type: number, offset: bigint) => [
  ...text(name),
  ...u32(sizes.length),
  ...sizes.flatMap((size) => [...u64(size)]),
  ...u32(type),
  ...u64(offset),
];

test("metadata of every type", async () => {
  const { metadata } = await read(file);
  for (const [key, value] of Object.entries(expected)) {
    const ours = metadata.get(key);
    expect(typeof ours === "bigint" ? Number(ours) : ours, key).toEqual(value);
  }
  expect(metadata.get("test.u64")).toBe(2n ** 53n);
  expect(metadata.get("tokenizer.ggml.tokens")).toHaveLength(263);
});

test("tensors: shape, type, and bytes at the right place", async () => {
  const whole = await read(file);
  expect(whole.tensors.size).toBe(11);
  expect(whole.tensors.get("blk.0.ffn_down.weight")).toMatchObject({ type: "Q8_0", rows: 64, cols: 96, bytes: 6528 });
  expect(whole.tensors.get("output_norm.weight")).toMatchObject({ type: "F32", rows: 1, cols: 64, bytes: 256 });
  const last = [...whole.tensors.values()].sort((a, b) => a.offset - b.offset).at(-1)!;
  expect(await readGgufTensor(whole, last.name)).toEqual(file.subarray(last.offset, last.offset + last.bytes));
  await expect(readGgufTensor(whole, "nope")).rejects.toThrow("there is no tensor nope");
});

test("a header longer than the first read is read on", async () => {
  const long = "x".repeat(5_000_000);
  const { metadata } = await read(gguf([[...text("a")].concat([...u32(8)], Array.from(text(long)))]));
  expect(metadata.get("a")).toBe(long);
});

describe("refuses, saying where and what", () => {
  const cases: [string, Uint8Array, string][] = [
    ["an empty file", new Uint8Array(), "byte 0: the file ends at byte 0 inside the magic: truncated"],
    [
      "another format",
      new TextEncoder().encode("PK\x03\x04 and more"),
      'byte 0: not a GGUF file, it does not start with "GGUF"',
    ],
    [
      "version 1",
      Uint8Array.from([...file.subarray(0, 4), 1, 0, 0, 0, ...file.subarray(8)]),
      "byte 4: unknown version 1;",
    ],
    [
      "big-endian files",
      Uint8Array.from([...file.subarray(0, 4), 0, 0, 0, 3, ...file.subarray(8)]),
      "the file is big-endian",
    ],
    [
      "a file cut in the header",
      file.subarray(0, 1000),
      'byte 717: length of "tokenizer.ggml.tokens" is 263, more than the 275 bytes that are left',
    ],
    ["a file cut in the data", file.subarray(0, file.length - 1), `but it ends at ${file.length - 1}: truncated`],
    [
      "more tensors than fit",
      gguf([], []).fill(0xff, 8, 16),
      "byte 8: tensor count is 18446744073709551615, which cannot be",
    ],
    [
      "a long count of entries",
      Uint8Array.from([...gguf([]).fill(1, 16, 19)]),
      "byte 16: metadata count is 65793, more than",
    ],
    ["a long string", gguf([[...u64(2n ** 40n), 65]]), "byte 24: bytes of metadata key is 1099511627776, more than"],
    [
      "an array longer than the file",
      gguf([[...text("a"), ...u32(9), ...u32(4), ...u64(1000n)]]),
      'length of "a" is 1000, more than',
    ],
    [
      "arrays nested without end",
      gguf([[...text("a"), ...u32(9), ...Array.from({ length: 6 }, () => [...u32(9), ...u64(1n)]).flat()]]),
      'arrays of "a" are nested deeper than 4',
    ],
    ["an unknown metadata type", gguf([[...text("a"), ...u32(13), 0]]), 'unknown metadata type 13 for "a"'],
    [
      "a key twice",
      gguf([
        [...text("a"), ...u32(0), 1],
        [...text("a"), ...u32(0), 1],
      ]),
      'metadata key "a" appears twice',
    ],
    [
      "a foreign tensor type",
      gguf([], [info("t", [256n], 16, 0n)]),
      'tensor "t" has type 16 (IQ2_XXS); readable are F32,',
    ],
    ["an unknown tensor type", gguf([], [info("t", [32n], 99, 0n)]), 'tensor "t" has type 99 (unknown)'],
    ["half a block", gguf([], [info("t", [48n, 2n], 2, 0n)], 64), 'tensor "t" of Q4_0 cannot have the shape 48 × 2'],
    ["no rows", gguf([], [info("t", [32n, 0n], 0, 0n)]), 'tensor "t" of F32 cannot have the shape 32 × 0'],
    ["an astronomic shape", gguf([], [info("t", [2n ** 40n, 2n ** 40n], 0, 0n)]), "cannot have the shape"],
    ["five dimensions", gguf([], [info("t", [1n, 1n, 1n, 1n, 1n], 0, 0n)]), "has 5 dimensions, not 1 to 4"],
    [
      "a crooked offset",
      gguf([], [info("t", [1n], 0, 4n)], 64),
      'tensor "t" starts at data byte 4, which is not a multiple of 32',
    ],
    ["a tensor past the end", gguf([], [info("t", [64n], 0, 32n)], 64), 'tensor "t" needs the file to reach byte'],
    [
      "overlapping tensors",
      gguf([], [info("t", [64n], 0, 0n), info("u", [8n], 0, 32n)], 256),
      'tensor "u" overlaps tensor "t"',
    ],
    ["a tensor twice", gguf([], [info("t", [8n], 0, 0n), info("t", [8n], 0, 32n)], 64), 'tensor "t" appears twice'],
    [
      "a strange alignment",
      gguf([[...text("general.alignment"), ...u32(4), ...u32(33)]]),
      "general.alignment must be a power of two",
    ],
  ];
  test.each(cases)("%s", async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: "bad_gguf", message: expect.stringContaining(message) });
  });
});

test("2,000 damaged files are read or refused, and no more is asked of a source than it has", async () => {
  const { tensors } = await read(file);
  const headerBytes = Math.min(...[...tensors.values()].map((tensor) => tensor.offset));
  const counts = new Map<string, number>();
  for (const bytes of damaged(file, 2000, headerBytes, 5)) {
    const inner = bytesSource("damaged", bytes);
    let asked = 0;
    const source: ByteSource = {
      ...inner,
      read(at, length) {
        asked += length;
        return inner.read(at, length);
      },
    };
    const result = await outcome(() => readGguf(source));
    expect(asked).toBeLessThanOrEqual(bytes.length);
    counts.set(result, (counts.get(result) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual(["bad_gguf", "read"]);
  expect(counts.get("bad_gguf")).toBeGreaterThan(1000);
});
