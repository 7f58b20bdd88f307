/** Somebody else's checkpoint as a pack on disk. */
import { existsSync } from "node:fs";
import path from "node:path";
import { pendingGguf, pendingSafetensors } from "../../core/format/import.ts";
import type { PendingModel } from "../../core/format/pack.ts";
import type { PackHeader } from "../../core/format/pack-header.ts";
import { FileSource, fileSha256, openDirectory } from "../../core/platform/disk.ts";
import { startProgress } from "../../core/platform/progress.ts";
import { checkReplaceable, replacePackBySlices } from "./rounding/packable.ts";

/** Packs of fewer bytes are made before anybody asks how long it takes. */
const WORTH_A_BAR = 64e6;

/**
 * Makes the pack of a GGUF file, or of the folder of a Hugging Face checkpoint, in `directory`. Memory holds the
 * largest tensor, not the model. The header has a GGUF file's SHA-256. Throws what reading the checkpoint throws.
 */
export async function importFile(file: string, model: string, directory: string): Promise<PackHeader> {
  await checkReplaceable(directory);
  if (existsSync(path.join(file, "config.json"))) {
    return written(await pendingSafetensors(openDirectory(file), model), directory);
  }
  await using source = await FileSource.open(file);
  const pending = await pendingGguf(source, model);
  const sha256 = await fileSha256(file);
  return await written({ ...pending, recipe: pending.recipe.map((entry) => ({ ...entry, sha256 })) }, directory);
}

async function written(model: PendingModel, directory: string): Promise<PackHeader> {
  let bar: ReturnType<typeof startProgress> | undefined;
  try {
    return await replacePackBySlices(model, directory, (done, total) => {
      if (total < WORTH_A_BAR) return;
      bar ??= startProgress("pack", total, "MB");
      bar.update(done);
    });
  } finally {
    bar?.end();
  }
}
