/** The real model's file: every weight survives the import value for value. */
import { expect, test } from "vitest";
import { readGguf } from "../../src/core/format/gguf.ts";
import { llamaConfig, readLlamaTensor } from "../../src/core/format/gguf-llama.ts";
import { importGguf } from "../../src/core/format/import.ts";
import { dequantise } from "../../src/core/model/blocks.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { tensorShapes } from "../../src/core/model/tensors.ts";
import { realModelFile } from "../support/real.ts";

test("GGUF → tiles → f32 equals GGUF → f32 for every tensor", async () => {
  await using source = await realModelFile();
  const model = await importGguf(source, "smollm2-135m-instruct");
  expect(model.config).toMatchObject({
    layers: 30,
    heads: 9,
    kvHeads: 3,
    headSize: 64,
    embedding: 576,
    ropeTheta: 100000,
  });
  expect(model.vocabulary).toEqual({ size: 49152, hash: "ecc2f33f7cdf6831" });
  expect(model.recipe).toMatchObject([{ stage: "import", from: "gguf", requantised: [] }]);

  const gguf = await readGguf(source);
  const config = await llamaConfig(gguf);
  const different: string[] = [];
  for (const shape of tensorShapes(config)) {
    const { type, bytes, name, rows, cols } = await readLlamaTensor(gguf, config, shape);
    const expected = dequantise(type, bytes, rows * cols);
    const { format, bytes: tiles } = model.tensors.get(name)!;
    const decoded = decodeTensor({ format, rows, cols }, tiles);
    // == and not Object.is: an offset of 8 scales cannot say Q4_0's −0.
    if (!expected.every((value, n) => value === decoded[n])) different.push(name);
  }
  expect(different).toEqual([]);
});
