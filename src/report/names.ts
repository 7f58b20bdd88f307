/** Short names of packs, for plots. */
import path from "node:path";

/**
 * The last folder of each path, that above where it is `pack` as beside a recipe; the whole path where that is no name
 * of its own.
 */
export function shortNames(packs: readonly string[]): string[] {
  const names = packs.map((pack) => {
    const parts = path.normalize(pack).split(path.sep).filter(Boolean);
    return (parts.at(-1) === "pack" ? parts.at(-2) : parts.at(-1)) ?? pack;
  });
  return packs.map((pack, n) => (names.indexOf(names[n]!) === names.lastIndexOf(names[n]!) ? names[n]! : pack));
}
