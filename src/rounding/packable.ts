/** Makes a model ready for the kernels, which multiply no f32 matrices, and writes its pack. */
import { readdir, rm } from "node:fs/promises";
import { type PackedModel, writePack } from "../format/pack.ts";
import type { PackHeader } from "../format/pack-header.ts";
import { decodeTensor } from "../model/decode.ts";
import { OutriderError } from "../model/errors.ts";
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

/** What a pack consists of, whole or written in part. */
const PACK_FILE = /^(pack\.json|config\.json|tokenizer(_config)?\.json|model[\w.-]*)(\.part)?$/;

/**
 * Throws `not_a_pack` for a directory that holds anything but a pack, and for a file: a wrong path must not cost
 * somebody a checkpoint or a home directory.
 */
export async function checkReplaceable(directory: string): Promise<void> {
  const held = await readdir(directory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return [] as string[];
    if (cause.code !== "ENOTDIR") throw cause;
    throw new OutriderError("not_a_pack", `${directory} is a file, or lies in one; name a folder for the pack`);
  });
  if (held.includes("pack.json") || held.every((name) => PACK_FILE.test(name))) return;
  throw new OutriderError(
    "not_a_pack",
    `${directory} holds files that are no pack, and would be emptied; name a new folder for the pack`,
  );
}

/** Writes the pack of a model into `directory`; a pack that was there is removed first. Throws `not_a_pack`. */
export async function replacePack(model: PackedModel, directory: string): Promise<PackHeader> {
  await checkReplaceable(directory);
  await rm(directory, { recursive: true, force: true });
  return writePack(packable(model), directorySink(directory));
}
