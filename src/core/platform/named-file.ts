/**
 * What a user names where a file is needed. A pipe without a writer would have its reader wait for ever, so only a file
 * is opened; a link to one counts as one.
 */
import { type Stats, statSync } from "node:fs";
import { OutriderError } from "../model/errors.ts";

/** Throws `not_found` where nothing, a folder or the inside of a file is, and `not_a_file` for a pipe, a socket or a device. */
export function checkFile(file: string): Stats {
  const stats = fileIfThere(file);
  if (stats) return stats;
  throw notFound(`${file}: there is no such file`);
}

/** As `checkFile`, but undefined where nothing is. */
export function fileIfThere(file: string): Stats | undefined {
  const stats = statsOf(file);
  if (stats === undefined || stats.isFile()) return stats;
  if (stats.isDirectory()) {
    throw notFound(`${file} is a folder, and a file is needed here`);
  }
  const message = `${file} is a pipe, a socket or a device, and a file is needed here; write what it gives into one`;
  throw new OutriderError("not_a_file", message);
}

function statsOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code === "ENOTDIR") throw notFound(`${file}: a part of that path is a file, where a folder is needed`);
    throw cause;
  }
}

const notFound = (message: string) => new OutriderError("not_found", message, { status: 404 });
