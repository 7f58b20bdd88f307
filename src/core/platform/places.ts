/**
 * Where things lie: this package, the models that this user obtained, and what one folder's service needs. The compiled
 * tree mirrors the sources (src/core/platform and dist/core/platform), so one relative path holds for both.
 */
import { homedir } from "node:os";
import { extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of package.json. Nothing is ever written here: an installed package may be read-only or shared. */
export const PACKAGE = fileURLToPath(new URL("../../..", import.meta.url));

/** A file or folder of the running tree, src/ or dist/, such as "tools/scaffold". */
export const runningFile = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/**
 * A module of the running tree: TypeScript in src/, JavaScript in dist/. For threads and for the main modules of
 * Workers, which are started by file name and not imported.
 * @param name its path without extension, such as "edge/door/worker"
 */
export const runningModule = (name: string): string => runningFile(name + extname(import.meta.url));

/**
 * The user's folder for models that were obtained and packs that were imported: OUTRIDER_CACHE, or where the system
 * keeps caches. A clone and an installed package use the same one.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  if (env.OUTRIDER_CACHE) return resolve(env.OUTRIDER_CACHE);
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, "outrider");
  if (platform === "darwin") return join(homedir(), "Library/Caches/outrider");
  if (platform === "win32") return join(env.LOCALAPPDATA ?? join(homedir(), "AppData/Local"), "outrider");
  return join(homedir(), ".cache/outrider");
}

/**
 * What the service on a port needs while it runs: generated settings, assembled assets, local storage. Services on
 * other ports, started in the same directory, have folders of their own.
 */
export const workFolder = (port: number): string => resolve(".outrider", `${port}`);
