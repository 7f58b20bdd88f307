/** The identity of what the user named, so that a file that has changed is noticed. */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { fileSha256 } from "../../core/platform/disk.ts";

/** The SHA-256 of a file, or of the files of a folder that say what model it holds. Throws as `checkFile` does. */
export async function identityOf(file: string): Promise<string | readonly (readonly [string, string])[]> {
  if (!(await stat(file).catch(() => null))?.isDirectory()) return fileSha256(file);
  // The header of a pack has the SHA-256 of its shards; a checkpoint's weights are told apart by size and time.
  const named = (await readdir(file)).filter((name) => /^(pack|config|tokenizer)\.json$|\.safetensors$/.test(name));
  const identities: [string, string][] = [];
  for (const name of named.sort()) {
    const one = path.join(file, name);
    const { size, mtimeMs } = await stat(one);
    identities.push([name, name.endsWith(".json") ? await fileSha256(one) : `${size} ${mtimeMs}`]);
  }
  return identities;
}
