import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Copies a pack to a folder, with another key policy in its header; returns the folder. */
export function packWithKeys(pack: string, keeping: string, to: string): string {
  cpSync(pack, to, { recursive: true });
  const header = JSON.parse(readFileSync(join(pack, "pack.json"), "utf8"));
  writeFileSync(join(to, "pack.json"), JSON.stringify({ ...header, drafting: { ...header.drafting, keeping } }));
  return to;
}
