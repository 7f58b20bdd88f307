/**
 * A model as a plain Hugging Face checkpoint, for transformers and other readers of its format. Each weight is stored
 * as the value it stands for, under the library's tensor names; rows of q and k are already in its order
 * (format/import.ts). A checkpoint has one width for all blocks and a row for every token. Narrower blocks are
 * therefore padded (format/even-width.ts), and a trimmed vocabulary is filled up (format/whole-vocabulary.ts). Removed
 * blocks stay removed.
 */

import { evenWidth } from "../../core/format/even-width.ts";
import type { PackedModel, PackedTensor, PackSink } from "../../core/format/pack.ts";
import { type NewTensor, writeSafetensors } from "../../core/format/safetensors.ts";
import { wholeVocabulary } from "../../core/format/whole-vocabulary.ts";
import { decodeTensor } from "../../core/model/decode.ts";
import { numberToBf16 } from "../../core/model/f16.ts";
import { configToHuggingFace } from "../../core/model/huggingface-config.ts";
import { tensorShapes } from "../../core/model/tensors.ts";

/** F32 keeps every value; BF16 rounds to half the bytes. */
type ExportDtype = "F32" | "BF16";

/** Writes `model.safetensors`, `config.json` and the tokenizer. Holds the whole checkpoint in memory twice. */
export async function exportHuggingFace(model: PackedModel, sink: PackSink, dtype: ExportDtype): Promise<void> {
  const even = evenWidth(wholeVocabulary(model));
  const tensors = tensorShapes(even.config).map(({ name }) => exportTensor(name, even.tensors.get(name)!, dtype));
  const json = (value: unknown) => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  await sink.write("model.safetensors", writeSafetensors(tensors).bytes);
  const torchDtype = dtype === "F32" ? "float32" : "bfloat16";
  await sink.write("config.json", json({ ...configToHuggingFace(even.config), torch_dtype: torchDtype }));
  const { "tokenizer.json": tokenizer, "tokenizer_config.json": tokenizerConfig } = model.tokenizer;
  await sink.write("tokenizer.json", new TextEncoder().encode(tokenizer));
  // tokenizer.json has everything that this class reads.
  const named = { tokenizer_class: "PreTrainedTokenizerFast", ...JSON.parse(tokenizerConfig) };
  await sink.write("tokenizer_config.json", json(named));
}

/** The values that a tensor stands for. */
function exportTensor(name: string, tensor: PackedTensor, dtype: ExportDtype): NewTensor {
  const { rows, cols } = tensor;
  const values = decodeTensor(tensor, tensor.bytes);
  const shape = rows === 1 ? [cols] : [rows, cols];
  const stored = dtype === "F32" ? values : Uint16Array.from(values, numberToBf16);
  return { name, dtype, shape, bytes: new Uint8Array(stored.buffer) };
}
