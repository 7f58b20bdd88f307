/** tiny.gguf as a Gemma: llama.cpp runs it, nothing here computes it. It has a Gemma's tensors, and says other things. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type GgufWeight, ggufBytes, type Metadata } from "../../models/tiny/gguf-writer.ts";
import { readGguf, readGgufTensor } from "../../src/core/format/gguf.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { dequantise } from "../../src/core/model/blocks.ts";

const TINY = path.resolve(import.meta.dirname, "../../models/tiny/tiny.gguf");

/** The reader has forgotten which numbers were f32. */
const F32 = /\.(freq_base|layer_norm_rms_epsilon)$/;

/** Writes it to `file`. */
export async function writeForeignGguf(file: string): Promise<void> {
  const gguf = await readGguf(bytesSource("tiny.gguf", readFileSync(TINY)));
  const entries = [...gguf.metadata].map(([key, value]) => [
    key.replace(/^llama\./, "gemma."),
    F32.test(key) ? { f32: Number(value) } : value,
  ]);
  const metadata = { ...Object.fromEntries(entries), "general.architecture": "gemma" } as Metadata;
  const weights: GgufWeight[] = [];
  for (const { name, type, rows, cols } of gguf.tensors.values()) {
    const bytes = await readGgufTensor(gguf, name);
    weights.push({ name, type: "F32", rows, cols, values: () => dequantise(type, bytes, rows * cols) });
  }
  writeFileSync(file, Buffer.concat([...ggufBytes(metadata, weights)]));
}
