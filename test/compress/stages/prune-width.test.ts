/**
 * Width pruning: the narrower model computes what the same model with zeros in its place computes, also in the engine.
 */
import { expect, test } from "vitest";
import { loadLlama } from "../../../src/core/draft/llama.ts";
import { type PackedModel, writePack } from "../../../src/core/format/pack.ts";
import { readPack, readPackHeader } from "../../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../../src/core/model/decode.ts";
import { blockTensor } from "../../../src/core/model/tensors.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import { runStages } from "../../../src/tools/compress/pipeline.ts";
import { pruneDepth } from "../../../src/tools/compress/stages/prune-depth.ts";
import { type KeptWidth, pruneWidth } from "../../../src/tools/compress/stages/prune-width.ts";
import { quantise } from "../../../src/tools/compress/stages/quantise.ts";
import { MemoryDirectory } from "../../support/files.ts";
import { kernelModules } from "../../support/kernels.ts";
import { seeded } from "../../support/random.ts";
import { TINY_PACKS } from "../../support/tiny.ts";
import { zeroWidth } from "../zero-width.ts";

const tiny = await readPack(openDirectory(TINY_PACKS.target));
const all = (count: number) => Array.from({ length: count }, (_, n) => n);
const WHOLE: KeptWidth = { kvHeads: all(2), channels: all(96) };
/** Blocks 0 and 5 whole; the others lose heads, channels, or both. */
const KEPT: readonly KeptWidth[] = [
  WHOLE,
  { kvHeads: [1], channels: all(96) },
  { kvHeads: [0], channels: all(96).filter((n) => n % 2 === 1) },
  { kvHeads: all(2), channels: [3, 50, 95] },
  { kvHeads: all(2), channels: all(70) },
  WHOLE,
];

/**
 * Weights of −1, 0 and 1 times a constant: every group of columns rounds them alike, so q8 holds both models equally.
 */
function ternary(model: PackedModel): PackedModel {
  const random = seeded(3);
  const tensors = new Map(model.tensors);
  for (const [name, { rows, cols }] of model.tensors) {
    if (!name.startsWith("model.layers.") || rows === 1) continue;
    const values = Float32Array.from({ length: rows * cols }, () => (Math.floor(random() * 3) - 1) / 8);
    tensors.set(name, { format: "f32", rows, cols, bytes: new Uint8Array(values.buffer) });
  }
  return { ...model, tensors };
}

async function logits(model: PackedModel): Promise<Float32Array> {
  const packed = quantise(model, { stage: "quantise", tensors: "blocks", format: "q8" });
  const directory = new MemoryDirectory();
  await writePack(packed, directory);
  const header = readPackHeader(directory.text("pack.json"));
  const shards = async function* (index: number) {
    yield directory.files.get(header.shards[index]!.file)!;
  };
  const llama = await loadLlama(header, shards, kernelModules(), { pages: 2, rows: 8 });
  return llama.forward(llama.newCache(), [1, 300, 45, 200, 77, 411, 8, 90], 8).slice();
}

test("the narrower model computes what the one with zeroed heads and channels computes", async () => {
  const model = ternary(tiny);
  const narrow = await logits(pruneWidth(model, KEPT));
  const zeroed = await logits(zeroWidth(model, KEPT));
  const largest = Math.max(...zeroed.map(Math.abs));
  for (const [n, value] of narrow.entries()) expect(Math.abs(value - zeroed[n]!)).toBeLessThan(1e-4 * largest);
  const whole = await logits(model);
  expect(Math.max(...whole.map((value, n) => Math.abs(value - zeroed[n]!)))).toBeGreaterThan(0.01 * largest);
});

test("widths are those kept, channels up to a multiple of 64; whole blocks are the same bytes", () => {
  const pruned = pruneWidth(tiny, KEPT);
  expect(pruned.config).toMatchObject({ heads: 4, kvHeads: 2, feedForward: 96 });
  expect(pruned.config.widths).toEqual([
    { kvHeads: 2, feedForward: 96 },
    { kvHeads: 1, feedForward: 96 },
    { kvHeads: 1, feedForward: 64 },
    { kvHeads: 2, feedForward: 64 },
    { kvHeads: 2, feedForward: 96 },
    { kvHeads: 2, feedForward: 96 },
  ]);
  for (const suffix of ["self_attn.q_proj.weight", "mlp.down_proj.weight"]) {
    expect(pruned.tensors.get(blockTensor(5, suffix))).toBe(tiny.tensors.get(blockTensor(5, suffix)));
  }
  const down = pruned.tensors.get(blockTensor(3, "mlp.down_proj.weight"))!;
  const [values, before] = [down, tiny.tensors.get(blockTensor(3, "mlp.down_proj.weight"))!].map((tensor) =>
    decodeTensor(tensor, tensor.bytes),
  ) as [Float32Array, Float32Array];
  expect([...values.subarray(0, 4)]).toEqual([before[3], before[50], before[95], 0]);
  const query = pruned.tensors.get(blockTensor(1, "self_attn.q_proj.weight"))!;
  const wholeQuery = tiny.tensors.get(blockTensor(1, "self_attn.q_proj.weight"))!;
  // Key head 1 has the query heads 2 and 3.
  expect(decodeTensor(query, query.bytes)).toEqual(decodeTensor(wholeQuery, wholeQuery.bytes).subarray(64 * 64));
});

test("blocks of one width need no widths; leaving out blocks later takes their widths along", () => {
  const half = { kvHeads: [1], channels: all(64) };
  const equal = pruneWidth(
    tiny,
    Array.from({ length: 6 }, () => half),
  ).config;
  expect(equal).toMatchObject({ heads: 2, kvHeads: 1, feedForward: 64, widths: undefined });
  const shallow = pruneDepth(pruneWidth(tiny, KEPT), { stage: "prune-depth", keep: [0, 2] });
  expect(shallow.config.widths).toEqual([
    { kvHeads: 2, feedForward: 96 },
    { kvHeads: 1, feedForward: 64 },
  ]);
});

test("a pack keeps the widths", async () => {
  const directory = new MemoryDirectory();
  const made = await runStages(pruneWidth(tiny, KEPT), {
    model: "narrow",
    stages: [{ stage: "quantise", tensors: "blocks", format: "q8" }],
  });
  await writePack(made, directory);
  expect((await readPack(directory.open)).config).toEqual(made.config);
});

test.each([
  ["no head", { kvHeads: [], channels: [0] }, "block 2: key/value heads"],
  ["a head that is not there", { kvHeads: [2], channels: [0] }, "0 to 1"],
  ["channels in disorder", { kvHeads: [0], channels: [4, 3] }, "block 2: channels"],
])("refuses %s", (_, width, message) => {
  expect(() => pruneWidth(tiny, [WHOLE, WHOLE, width, WHOLE, WHOLE, WHOLE])).toThrow(message);
});
