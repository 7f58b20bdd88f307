/** Room on a disk, asked for before it is needed. */
import { statfs } from "node:fs/promises";
import { OutriderError } from "../../core/model/errors.ts";

/** Throws `no_space` unless `bytes` are free where the folder `folder` lies. `choice` names another place. */
export async function checkSpace(folder: string, bytes: number, what: string, choice: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const gigabytes = (count: number) => (count / 1e9).toFixed(1);
  throw new OutriderError(
    "no_space",
    `${what} needs about ${gigabytes(bytes)} GB in ${folder}, and ${gigabytes(free)} GB are free; ` +
      `make room, or choose another disk with ${choice}`,
  );
}
