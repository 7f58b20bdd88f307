/** A check at the start of a long command rather than at its end. */
import { access, constants } from "node:fs/promises";
import path from "node:path";
import { fileIfThere } from "../../core/platform/named-file.ts";
import { usage } from "./options.ts";

/** Throws `bad_option` unless `file`, which the option names, can be written, and as `fileIfThere` does. */
export async function checkWritable(option: string, file: string): Promise<void> {
  fileIfThere(file);
  const directory = path.dirname(path.resolve(file));
  await access(directory, constants.W_OK).catch(() => {
    throw usage(`${option} cannot be written into ${directory}; name a file in a directory that exists`);
  });
}
