/** Text on disk, plain or as lines of JSON that a model wrote; gzipped where its name ends in .gz. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { OutriderError } from "../../core/model/errors.ts";
import { checkFile } from "../../core/platform/named-file.ts";
import type { Sampling } from "../../core/speculate/types.ts";

/** A line of a .jsonl file: what a target was asked and answered, in token ids, and how it drew that; or text. */
interface TextLine extends Partial<Sampling> {
  readonly prompt?: readonly number[];
  readonly answer?: readonly number[];
  readonly text?: string;
}

/** A file that was read: the lines of a .jsonl file, or the text of any other. */
export type Text = { readonly file: string } & (
  | { readonly lines: readonly TextLine[] }
  | { readonly lines?: undefined; readonly plain: string }
);

/** Reads a file of either kind. Throws as `checkFile` does, and `bad_text` naming the first line that is not JSON. */
export async function readText(file: string): Promise<Text> {
  return isLines(file) ? { file, lines: await readLines(file) } : { file, plain: await readTextFile(file) };
}

/** Whether a file has lines of JSON in it, rather than text. */
export const isLines = (file: string): boolean => /\.jsonl(\.gz)?$/.test(file);

/** A text of more bytes would not fit one string, and neither would what is computed from it fit the memory. */
const MAX_BYTES = 256 * 1024 * 1024;

/** The text of a file, unzipped. Throws as `checkFile`, `not_gzip`, and `too_large` for more than 256 MiB of text. */
export async function readTextFile(file: string): Promise<string> {
  if (checkFile(file).size > MAX_BYTES) throw tooLarge(file);
  try {
    const bytes = await readFile(file);
    return (file.endsWith(".gz") ? gunzipSync(bytes, { maxOutputLength: MAX_BYTES }) : bytes).toString();
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(file);
    if (code.startsWith("Z_")) throw new OutriderError("not_gzip", `${file}: it is no whole gzip file`, { cause });
    throw cause;
  }
}

const tooLarge = (file: string) =>
  new OutriderError("too_large", `${file}: its text has more than ${MAX_BYTES} bytes; cut it into several files`);

/** The lines of a .jsonl file; their fields are not checked. Throws `bad_text` naming the first that is not JSON. */
export async function readLines<L = TextLine>(file: string): Promise<L[]> {
  const lines = (await readTextFile(file)).split("\n").filter(Boolean);
  return lines.map((line, n) => {
    try {
      return JSON.parse(line) as L;
    } catch (cause) {
      throw badLine(file, n, "it is not JSON", cause);
    }
  });
}

/** The text of a .jsonl file, as `readLines` reads it. */
export const asLines = (lines: readonly unknown[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

/** The error for line `n` of a file, counted from 0. */
export const badLine = (file: string, n: number, what: string, cause?: unknown): OutriderError =>
  new OutriderError("bad_text", `${path.basename(file)}, line ${n + 1}: ${what}`, { cause });
