/**
 * npm packages that are no dependency of the project: what needs one installs it at its first use, into the user's
 * cache.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { cacheFolder } from "../../src/platform/places.ts";

/**
 * The folder of package `name`, installed into the cache folder `folder` if it is not there. Without scripts and
 * optional packages. Throws what npm throws.
 */
export function installBeside(folder: string, name: string, version: string): string {
  const home = path.join(cacheFolder(), folder);
  const installed = path.join(home, "node_modules", name);
  if (!existsSync(installed)) {
    mkdirSync(home, { recursive: true });
    const dependencies = { [name]: version };
    writeFileSync(path.join(home, "package.json"), JSON.stringify({ private: true, dependencies }, null, 2));
    const flags = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
    execFileSync("npm", ["install", ...flags], { cwd: home, stdio: "inherit", shell: process.platform === "win32" });
  }
  return installed;
}
