/** Builds the WASM modules of `wasm/`, each only if a source is newer than it: most starts change none. */
import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { main } from "assemblyscript/asc";
import { OutriderError } from "./model/errors.ts";

const ROOT = resolve(import.meta.dirname, "..");
const SOURCES = join(ROOT, "wasm");

const newest = Math.max(
  ...readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).map((file) => statSync(join(SOURCES, file)).mtimeMs),
);

/** Target of asconfig.json → its entry. */
const ENTRIES = {
  dot32: "wasm/index.ts",
  dot16: "wasm/index.ts",
  simd: "wasm/index.ts",
  roof: "wasm/roof.ts",
  solve: "wasm/solve.ts",
  calibrate: "wasm/calibrate/index.ts",
  calibrate16: "wasm/calibrate/index.ts",
};

for (const [target, entry] of Object.entries(ENTRIES)) {
  const built = statSync(join(ROOT, `build/outrider.${target}.wasm`), { throwIfNoEntry: false });
  if (built && built.mtimeMs > newest) continue;
  const { error, stderr } = await main([
    entry,
    "--config",
    "wasm/asconfig.json",
    "--target",
    target,
    "--baseDir",
    ROOT,
  ]);
  if (error) {
    console.error(stderr.toString());
    throw new OutriderError("wasm_build_failed", `the ${target} build failed; the compiler's message is above`);
  }
}
