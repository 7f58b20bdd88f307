/** Compiles the modules of this folder to dist/, each only if a source is newer than it: most builds change none. */
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = join(ROOT, "wasm");

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

/** Builds what is missing or out of date. Rejects with the compiler's message. Also a global setup of vitest. */
export default async function buildWasm() {
  const newest = Math.max(
    ...readdirSync(SOURCES, { recursive: true }).map((file) => statSync(join(SOURCES, file)).mtimeMs),
  );
  const old = Object.entries(ENTRIES).filter(([target]) => {
    const built = statSync(join(ROOT, `dist/outrider.${target}.wasm`), { throwIfNoEntry: false });
    return !built || built.mtimeMs < newest;
  });
  if (old.length === 0) return;
  const { main } = await import("assemblyscript/asc");
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  for (const [target, entry] of old) {
    const options = ["--config", "wasm/asconfig.json", "--target", target, "--baseDir", ROOT];
    const { error, stderr } = await main([entry, ...options]);
    if (error) throw new Error(`the ${target} module of wasm/ does not compile:\n${stderr}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildWasm();
