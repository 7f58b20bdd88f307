/** Short names of packs, for plots. */
import path from "node:path";

/**
 * The last folder of each path, or the one above it if the last is called `pack`. Packs whose short names are equal
 * keep their whole path.
 */
export function shortNames(packs: readonly string[]): string[] {
  const names = packs.map((pack) => {
    const parts = path.normalize(pack).split(path.sep).filter(Boolean);
    return (parts.at(-1) === "pack" ? parts.at(-2) : parts.at(-1)) ?? pack;
  });
  return packs.map((pack, n) => (names.indexOf(names[n]!) === names.lastIndexOf(names[n]!) ? names[n]! : pack));
}
