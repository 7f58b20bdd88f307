/** A GGUF file as a pack on disk. */

import { importGguf } from "../format/import.ts";
import type { PackHeader } from "../format/pack-header.ts";
import { FileSource, fileSha256 } from "../platform/disk.ts";
import { checkReplaceable, replacePack } from "../rounding/packable.ts";

/**
 * Makes the pack of a GGUF file in `directory`. The header has the file's SHA-256. Throws what reading the file throws.
 */
export async function importFile(file: string, model: string, directory: string): Promise<PackHeader> {
  await checkReplaceable(directory);
  await using source = await FileSource.open(file);
  const imported = await importGguf(source, model);
  const sha256 = await fileSha256(file);
  return replacePack({ ...imported, recipe: imported.recipe.map((entry) => ({ ...entry, sha256 })) }, directory);
}
