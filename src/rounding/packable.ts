/** Makes a model ready for the kernels, which multiply no f32 matrices, and writes its pack. */
import { rm } from "node:fs/promises";
import { type PackedModel, writePack } from "../format/pack.ts";
import type { PackHeader } from "../format/pack-header.ts";
import { decodeTensor } from "../model/decode.ts";
import { directorySink } from "../platform/disk.ts";
import { roundedTensor } from "./tensors.ts";

/** The model with every f32 matrix rounded to 8 bits; vectors stay f32. */
export function packable(model: PackedModel): PackedModel {
  const tensors = new Map(model.tensors);
  for (const [name, tensor] of model.tensors) {
    const { format, rows, cols, bytes } = tensor;
    if (format === "f32" && rows > 1) {
      tensors.set(name, roundedTensor({ format: "q8", rows, cols }, decodeTensor(tensor, bytes)));
    }
  }
  return { ...model, tensors };
}

/** Writes the pack of a model into `directory`; whatever was there is removed first. */
export async function replacePack(model: PackedModel, directory: string): Promise<PackHeader> {
  await rm(directory, { recursive: true, force: true });
  return writePack(packable(model), directorySink(directory));
}
