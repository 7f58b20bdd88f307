/** The real model's GGUF file, fetched at most once. */
import path from "node:path";
import { obtainModel } from "../../src/compress/obtain.ts";
import { FileSource } from "../../src/format/disk.ts";

const CACHE = path.resolve(import.meta.dirname, "../../.cache/models");

export async function realModelFile(): Promise<FileSource> {
  return FileSource.open((await obtainModel(CACHE)).path);
}
