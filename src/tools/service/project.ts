/** The edge in the current folder, as its wrangler file describes it. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseEnv } from "node:util";
import { OutriderError } from "../../core/model/errors.ts";
import { fileIfThere } from "../../core/platform/named-file.ts";

export interface Project {
  readonly folder: string;
  /** Name of the Worker. */
  readonly name: string;
  /** Folder of the assets. */
  readonly assets: string;
  readonly vars: Readonly<Record<string, unknown>>;
  /** Whether a binding ORIGIN leads to the origin: another Worker, or a private network. */
  readonly bound: boolean;
  /**
   * CPU time of a request in ms, where the wrangler file asks for more than the default: only the Paid plan takes
   * that.
   */
  readonly cpuMs: number | undefined;
}

const CONFIGS = ["wrangler.jsonc", "wrangler.json", "wrangler.toml"];
export const SECRETS_FILE = ".prod.vars";

/** Reads the wrangler file in `folder`. Throws `no_project` where there is none or where it has no assets. */
export async function readProject(folder: string): Promise<Project> {
  const name = CONFIGS.find((each) => existsSync(path.join(folder, each)));
  if (name === undefined) {
    throw new OutriderError(
      "no_project",
      `${folder} holds no wrangler file; \`outrider init DIR\` makes a folder with one`,
    );
  }
  const config = path.join(folder, name);
  // Takes two seconds to load, so whoever needs no configuration does not wait for it.
  const { unstable_readConfig: readConfig } = await import("wrangler");
  let read: ReturnType<typeof readConfig>;
  try {
    read = readConfig({ config });
  } catch (cause) {
    const [why] = (cause as Error).message.split("\n");
    throw new OutriderError("bad_wrangler_file", `${config}: wrangler cannot read it: ${why}`, { cause });
  }
  const directory = read.assets?.directory;
  if (directory === undefined) {
    throw new OutriderError("no_project", `${name} names no assets.directory, where the page and the draft go`);
  }
  return {
    folder,
    name: read.name ?? path.basename(folder),
    assets: path.resolve(folder, directory),
    vars: read.vars,
    bound: [...(read.services ?? []), ...(read.vpc_services ?? [])].some(({ binding }) => binding === "ORIGIN"),
    cpuMs: read.limits?.cpu_ms,
  };
}

/**
 * Secrets of the deployment in `folder`, by name; those that are empty are none. Undefined where there is no such
 * file.
 */
export async function readSecrets(folder: string): Promise<Readonly<Record<string, string>> | undefined> {
  const file = path.join(folder, SECRETS_FILE);
  if (!fileIfThere(file)) return undefined;
  const entries = Object.entries(parseEnv(await readFile(file, "utf8")));
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => Boolean(entry[1])));
}
