/** Which operation a kernel call is, on the layout of the tiny model. */
import { expect, test } from "vitest";
import { planMemory } from "../../src/core/draft/memory-plan.ts";
import { writePack } from "../../src/core/format/pack.ts";
import { readPack } from "../../src/core/format/pack-reader.ts";
import type { Kernels } from "../../src/core/kernels/abi.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { blockTensor, EMBEDDING, FINAL_NORM } from "../../src/core/model/tensors.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { keptApart } from "../../src/tools/compress/methods/squeezellm.ts";
import { roundedTensor } from "../../src/tools/compress/rounding/tensors.ts";
import { keepApart } from "../../src/tools/compress/stages/keep-apart.ts";
import { Operations } from "../../src/tools/inspect/operation.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const header = packHeader(TINY_PACKS.target);
const arena = planMemory(header, 1, 1);
const operations = new Operations(header, arena);
const at = (tensor: string): number => arena.tensors.get(tensor) as number;
const inBlock = (suffix: string): number => at(blockTensor(1, suffix));

const matmul = (address: number, rows: number): readonly number[] => [0, 1, address, 640, rows, 64, 14, 0, rows, 0, 0];
const norm = (address: number): readonly number[] => [0, address, 64, 1, 1e-5, 0];

test.each<[keyof Kernels, readonly number[], string]>([
  ["embedQ8", [at(EMBEDDING), 1152, 3, 64, 0], "embed"],
  ["rmsnormQuantise", norm(inBlock("input_layernorm.weight")), "norm + quantise"],
  ["rmsnormQuantise", norm(inBlock("post_attention_layernorm.weight")), "norm + quantise"],
  ["rmsnormQuantise", norm(at(FINAL_NORM)), "final norm"],
  ["matmulQ4u", matmul(inBlock("self_attn.q_proj.weight"), 128), "q"],
  ["matmulQ4u", matmul(inBlock("self_attn.q_proj.weight"), 128 + 64 + 64), "q|k|v"],
  ["matmulQ4u", matmul(inBlock("mlp.gate_proj.weight"), 96 + 96), "gate|up"],
  ["matmulQ8", matmul(at(EMBEDDING), 512), "head"],
  ["swigluQuantise", [0, 96, 1, 0], "swiglu + quantise"],
  ["kvAppend", [0, 0, 256, 1, 2, 32, 0, 0, 0], "kv append"],
  ["rope", [0, 6, 32, 1, 256, 0], "rope"],
])("%s(%j) is %s", (kernel, args, name) => {
  expect(operations.of(kernel, args).name).toBe(name);
});

test("neighbours in one call cost the bytes of all of them", () => {
  const { cost } = operations.of("matmulQ4u", matmul(inBlock("self_attn.q_proj.weight"), 256));
  // Tiles of 320 bytes hold 16 rows of 32 columns.
  expect(cost.streamed).toBe((256 / 16) * (64 / 32) * 320);
  expect(cost.macs.int14).toBe(256 * 64);
});

test("outliers are weights of their own, neighbours' too", async () => {
  const model = await readPack(openDirectory(TINY_PACKS.target));
  const tensors = new Map(model.tensors);
  const [q, k] = ["self_attn.q_proj.weight", "self_attn.k_proj.weight"].map((suffix) => blockTensor(1, suffix));
  for (const [name, share] of [
    [q!, 2 / 64],
    [k!, 3 / 64],
  ] as const) {
    const tensor = tensors.get(name)!;
    const { rows, cols } = tensor;
    const values = decodeTensor(tensor, tensor.bytes);
    const rounded = roundedTensor({ format: "q4u", rows, cols }, values);
    tensors.set(name, keepApart(rounded, values, keptApart(values, values, 0, share)));
  }
  const made = await writePack({ ...model, tensors }, { write: async () => {} });
  const places = planMemory(made, 1, 1);
  const own = new Operations(made, places);
  const table = places.outliers.get(q!)!;
  const sizes = [q!, k!].map((name) => made.tensors[name]!.outliers!);
  expect(sizes.map(({ count }) => count)).toEqual([128 * 2, 64 * 3]);
  const { name, cost } = own.of("addOutliers", [0, 1, table, 128 + 64, 64, 14, 0, 192, 0]);
  expect(name).toBe("outliers");
  expect(cost.streamed).toBe(sizes[0]!.bytes + sizes[1]!.bytes);
  expect(cost.macs.f32).toBe(128 * 2 + 64 * 3);
  // Which the blocks are counted without.
  const matrix = own.of("matmulQ4u", matmul(places.tensors.get(q!)!, 192));
  expect([matrix.name, matrix.cost.streamed]).toEqual(["q|k", (192 / 16) * 640]);
});

test("a call whose weights are no tensor is refused", () => {
  expect(() => operations.of("matmulQ8", matmul(at(EMBEDDING) + 1, 16))).toThrow("matmulQ8: no tensor starts at");
});
