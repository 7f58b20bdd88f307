/** Importing into a pack without holding the model: the same pack as by way of memory, in slices of any size. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { importGguf, pendingGguf } from "../../src/core/format/import.ts";
import { type ByteSource, bytesSource } from "../../src/core/format/source.ts";
import { directorySink } from "../../src/core/platform/disk.ts";
import { exportHuggingFace } from "../../src/tools/compress/export-hf.ts";
import { importFile } from "../../src/tools/compress/import-file.ts";
import { replacePack, replacePackBySlices } from "../../src/tools/compress/rounding/packable.ts";
import { goldenBytes } from "../support/golden.ts";

const home = mkdtempSync(path.join(tmpdir(), "outrider-import-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const filesOf = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(path.join(folder, file), "base64")]));

/** The source, and the most bytes that were asked of it at once behind its header. */
function watched(name: string): { source: ByteSource; largest: () => number } {
  const bytes = bytesSource(name, goldenBytes(name));
  let largest = 0;
  const read: ByteSource["read"] = (offset, length) => {
    if (offset > 0) largest = Math.max(largest, length);
    return bytes.read(offset, length);
  };
  return { source: { ...bytes, read }, largest: () => largest };
}

test.each(["llama", "llama3", "mistral", "qwen2", "qwen3"])(
  "%s: slices of one head make the same pack",
  async (name) => {
    const { source, largest } = watched(`${name}.gguf`);
    const [whole, sliced] = [path.join(home, `${name}-whole`), path.join(home, `${name}-sliced`)];
    await replacePack(await importGguf(source, name), whole);
    const embedding = largest();
    const { source: again, largest: largestSlice } = watched(`${name}.gguf`);
    const seen: number[] = [];
    await replacePackBySlices(await pendingGguf(again, name, 1), sliced, (done, total) => seen.push(done / total));
    expect(filesOf(sliced)).toEqual(filesOf(whole));
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.at(-1)).toBe(1);
    // 32 rows of 263.
    expect(largestSlice()).toBeLessThan(embedding / 2);
  },
);

test("a Hugging Face folder becomes the pack that the same values in memory become", async () => {
  const model = await importGguf(bytesSource("qwen2.gguf", goldenBytes("qwen2.gguf")), "qwen2");
  const folder = path.join(home, "checkpoint");
  await exportHuggingFace(model, directorySink(folder), "F32");
  const header = await importFile(folder, "qwen2", path.join(home, "from-folder"));
  expect(header.config).toEqual(model.config);
  expect(header.recipe).toMatchObject([{ stage: "import", from: "safetensors" }]);
  expect(header.tensors["model.layers.0.self_attn.k_proj.bias"]).toMatchObject({ format: "f32", rows: 1, cols: 32 });
});
