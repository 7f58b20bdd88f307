/** Any model on disk as one in memory. */
import { existsSync } from "node:fs";
import path from "node:path";
import { importGguf, importSafetensors } from "../format/import.ts";
import type { PackedModel } from "../format/pack.ts";
import { readPack } from "../format/pack-reader.ts";
import { OutriderError } from "../model/errors.ts";
import { modelId } from "../model/model-id.ts";
import { FileSource, openDirectory } from "./disk.ts";

/**
 * Reads a pack, a .gguf file, or the folder of a Hugging Face checkpoint. A file's or folder's name becomes the id of a
 * model that has none. Throws `not_found` for anything else, and what the readers of these formats throw.
 */
export async function readModel(file: string): Promise<PackedModel> {
  if (file.endsWith(".gguf")) {
    await using source = await FileSource.open(file);
    return await importGguf(source, modelId(file));
  }
  if (existsSync(path.join(file, "pack.json"))) return readPack(openDirectory(file));
  if (existsSync(path.join(file, "config.json"))) return importSafetensors(openDirectory(file), modelId(file));
  throw new OutriderError("not_found", `${file}: neither a .gguf file nor a directory with pack.json or config.json`, {
    status: 404,
  });
}
