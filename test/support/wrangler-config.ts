/** The repository's own wrangler.toml files, with assets of a test's choosing. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
export const EDGE = "wrangler.toml";
export const ORIGIN = "src/origin/embedded/wrangler.toml";

/** A Worker's wrangler.toml under `home`, at the same path as in the repository, so that its assets are those under `home`. */
export function moved(home: string, path: string, withOrigin: boolean): string {
  const from = join(ROOT, path);
  let config = readFileSync(from, "utf8").replace(
    /^main = "(.*)"$/m,
    (_, main) => `main = "${resolve(dirname(from), main)}"`,
  );
  if (!withOrigin) config = config.replace(/\[\[services\]\]\n(?:[^[\n].*\n|\n)*/, "");
  const to = join(home, path);
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, config);
  return to;
}
