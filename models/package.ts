/**
 * Makes the npm package of every draft, `outrider-NAME`, with the folder `pack` and the draft's card:
 * `node with-node.js models/package.ts FOLDER`. Prints a line of JSON a draft: the tarball, and what a pair.json says to
 * have it from npm. The release publishes them.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import project from "../package.json" with { type: "json" };
import { fileSha256 } from "../src/core/platform/disk.ts";
import { PACKAGE } from "../src/core/platform/places.ts";
import { knownPairs } from "../src/tools/obtain/pair.ts";

export interface DraftTarball {
  /** Where it lies. */
  readonly tarball: string;
  /** What `drafts` of a pair.json says of it. */
  readonly npm: string;
  /** Of pack.json. */
  readonly sha256: string;
}

/** Packs a draft into `folder`. `pack`: its directory; `card`: its README.md. */
export async function packDraft(name: string, pack: string, card: string, folder: string): Promise<DraftTarball> {
  const { version, license, repository } = project as typeof project & { repository?: unknown };
  const home = await mkdtemp(path.join(tmpdir(), "outrider-draft-"));
  try {
    await cp(pack, path.join(home, "pack"), { recursive: true });
    await cp(card, path.join(home, "README.md"));
    await cp(path.join(PACKAGE, "LICENSE"), path.join(home, "LICENSE"));
    const manifest = {
      name: `outrider-${name}`,
      version,
      description: `A draft for Outrider: ${name}`,
      license,
      ...(repository !== undefined && { repository }),
      files: ["pack"],
    };
    await writeFile(path.join(home, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    await mkdir(folder, { recursive: true });
    const options = { cwd: home, shell: process.platform === "win32" };
    const command = ["pack", "--json", "--loglevel=error", "--pack-destination", path.resolve(folder)];
    const { stdout } = await promisify(execFile)("npm", command, options);
    const [{ filename }] = JSON.parse(stdout);
    const sha256 = await fileSha256(path.join(pack, "pack.json"));
    return { tarball: path.resolve(folder, filename), npm: `${manifest.name}@${version}`, sha256 };
  } finally {
    await rm(home, { recursive: true });
  }
}

/** The drafts of all pairs that lie in the repository, by name. */
export function draftsHere(): ReadonlyMap<string, string> {
  const pairs = knownPairs(path.join(PACKAGE, "models"));
  const packs = pairs.flatMap(({ drafts, packages }) => [...drafts.values()].filter((pack) => !packages.has(pack)));
  return new Map(packs.map((pack) => [path.basename(path.dirname(pack)), pack]));
}

if (import.meta.main) {
  const [folder = "."] = process.argv.slice(2);
  for (const [name, pack] of draftsHere()) {
    console.log(JSON.stringify(await packDraft(name, pack, path.join(pack, "../README.md"), folder)));
  }
}
