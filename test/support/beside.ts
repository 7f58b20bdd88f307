/**
 * npm packages that are no dependency of the project: what needs one installs it at its first use, into the user's
 * cache.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { installPackages } from "../../src/core/platform/npm.ts";
import { cacheFolder } from "../../src/core/platform/places.ts";

/** The folder of package `name`, installed into the cache folder `folder` if it is not there. Rejects as npm does. */
export async function installBeside(folder: string, name: string, version: string): Promise<string> {
  const home = path.join(cacheFolder(), folder);
  const installed = path.join(home, "node_modules", name);
  if (!existsSync(installed)) await installPackages(home, [`${name}@${version}`]);
  return installed;
}
