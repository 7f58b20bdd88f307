/**
 * Modules of models/distil that `outrider draft` runs. They lie outside src, so the compiled ones have a folder of
 * their own (build.js).
 */
import { extname } from "node:path";
import { pathToFileURL } from "node:url";
import { PACKAGE, runningFile } from "../../core/platform/places.ts";

export function fromDistil<T>(name: string): Promise<T> {
  const extension = extname(import.meta.url);
  const root = extension === ".ts" ? PACKAGE : `${runningFile("asking")}/`;
  return import(pathToFileURL(`${root}models/distil/${name}${extension}`).href) as Promise<T>;
}
