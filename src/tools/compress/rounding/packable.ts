/** Makes a model ready for the kernels, which multiply no f32 matrices, and writes its pack. */
import { readdir, rm } from "node:fs/promises";
import { type PackedModel, type PendingModel, type PendingTensor, writePack } from "../../../core/format/pack.ts";
import type { PackHeader } from "../../../core/format/pack-header.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { tensorBytes } from "../../../core/model/layouts.ts";
import { directorySink } from "../../../core/platform/disk.ts";
import { q8Tiles } from "./q8-tiles.ts";

/** The model with every f32 matrix rounded to 8 bits; vectors stay f32. */
export function packable(model: PackedModel): PackedModel {
  const tensors = new Map(model.tensors);
  for (const [name, tensor] of model.tensors) {
    const { format, rows, cols, bytes } = tensor;
    if (format === "f32" && rows > 1) {
      tensors.set(name, { format: "q8", rows, cols, bytes: q8Tiles(decodeTensor(tensor, bytes), rows, cols) });
    }
  }
  return { ...model, tensors };
}

/** The same of a model that is read while its pack is written: each slice is rounded as it comes. */
function packableSlices(model: PendingModel): PendingModel {
  const tensors = new Map<string, PendingTensor>(model.tensors);
  for (const [name, tensor] of model.tensors) {
    const { format, rows, cols, slices } = tensor;
    if (format !== "f32" || rows === 1) continue;
    const rounded = async function* () {
      let row = 0;
      for await (const bytes of slices()) {
        const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
        yield q8Tiles(values, values.length / cols, cols, row);
        row += values.length / cols;
      }
    };
    tensors.set(name, { format: "q8", rows, cols, slices: rounded });
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
  await empty(directory);
  return writePack(packable(model), directorySink(directory));
}

/**
 * The same of a model that is read while it is written. Memory holds its largest tensor rounded, a shard, and a slice.
 * @param progress called with the bytes that have been made, and those of the whole
 */
export async function replacePackBySlices(
  model: PendingModel,
  directory: string,
  progress: (done: number, total: number) => void,
): Promise<PackHeader> {
  await empty(directory);
  const { tensors } = packableSlices(model);
  const total = [...tensors.values()].reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  let done = 0;
  const counted = [...tensors].map(([name, tensor]): [string, PendingTensor] => {
    const slices = async function* () {
      for await (const slice of tensor.slices()) {
        done += slice.length;
        progress(done, total);
        yield slice;
      }
    };
    return [name, { ...tensor, slices }];
  });
  return writePack({ ...model, tensors: new Map(counted) }, directorySink(directory));
}

async function empty(directory: string): Promise<void> {
  await checkReplaceable(directory);
  await rm(directory, { recursive: true, force: true });
}
