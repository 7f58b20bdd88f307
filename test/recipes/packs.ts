/** The packs that recipes were squeezed into, one per folder of a directory. */
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { PackHeader } from "../../src/core/format/pack-header.ts";
import { packHeader } from "../support/tiny.ts";

export interface RecipePack {
  /** The name of its folder. */
  readonly name: string;
  readonly directory: string;
  readonly header: PackHeader;
}

/** The packs in DIRECTORY/NAME/pack.json, by name. Throws when there is none. */
export function packsIn(directory: string): RecipePack[] {
  const names = existsSync(directory) ? readdirSync(directory).sort() : [];
  const packs = names.map((name) => join(directory, name)).filter((pack) => existsSync(join(pack, "pack.json")));
  if (packs.length === 0) {
    throw new Error(`${directory} holds no NAME/pack.json; make some: outrider squeeze … --out ${directory}/NAME`);
  }
  return packs.map((pack) => ({ name: basename(pack), directory: pack, header: packHeader(pack) }));
}
