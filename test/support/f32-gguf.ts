/**
 * A GGUF file with its weights dequantised to f32. llama.cpp multiplies quantised weights with activations that it
 * rounds to 8 bits; on f32 weights it computes what the weights say.
 */
import { createWriteStream, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type GgufWeight, ggufBytes, type Metadata, type MetadataValue } from "../../models/tiny/gguf-writer.ts";
import { type Gguf, readGguf, readGgufTensor } from "../../src/core/format/gguf.ts";
import { dequantise } from "../../src/core/model/blocks.ts";
import { FileSource } from "../../src/core/platform/disk.ts";

/** Writes the f32 twin of `from` to `to`. */
export async function writeF32Gguf(from: string, to: string): Promise<void> {
  await using source = await FileSource.open(from);
  const gguf = await readGguf(source);
  await pipeline(Readable.from(ggufBytes(metadataOf(gguf), await weightsOf(gguf))), createWriteStream(`${to}.part`));
  await rename(`${to}.part`, to);
}

/** Writes the f32 twin of tiny.gguf as a Gemma: llama.cpp runs it, nothing here computes it, and it says other things. */
export async function writeForeignGguf(to: string): Promise<void> {
  const tiny = path.resolve(import.meta.dirname, "../../models/tiny/tiny.gguf");
  await using source = await FileSource.open(tiny);
  const gguf = await readGguf(source);
  const entries = Object.entries(metadataOf(gguf)).map(([key, value]) => [key.replace(/^llama\./, "gemma."), value]);
  const metadata = { ...Object.fromEntries(entries), "general.architecture": "gemma" } as Metadata;
  writeFileSync(to, Buffer.concat([...ggufBytes(metadata, await weightsOf(gguf))]));
}

async function weightsOf(gguf: Gguf): Promise<GgufWeight[]> {
  const weights: GgufWeight[] = [];
  for (const { name, type, rows, cols } of gguf.tensors.values()) {
    const bytes = await readGgufTensor(gguf, name);
    weights.push({ name, type: "F32", rows, cols, values: () => dequantise(type, bytes, rows * cols) });
  }
  return weights;
}

/**
 * The reader has forgotten which numbers were f32; in a Llama's metadata those are RoPE's base and the norm's epsilon.
 */
function metadataOf(gguf: Gguf): Metadata {
  const entries = [...gguf.metadata].map(([key, value]): [string, MetadataValue] => {
    const isF32 = key === "llama.rope.freq_base" || key === "llama.attention.layer_norm_rms_epsilon";
    return [key, isF32 ? { f32: Number(value) } : (value as MetadataValue)];
  });
  return Object.fromEntries(entries);
}
