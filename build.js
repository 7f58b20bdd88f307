/**
 * Makes dist/ from wasm/ and src/: modules compiled, sources as JavaScript with declarations, the page bundled, all other
 * files as they are. Does nothing when nothing has changed since it was last done.
 */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import buildPage from "./src/page/build.js";
import buildWasm from "./wasm/build.js";

const ROOT = fileURLToPath(new URL(".", import.meta.url));
/** Written last. */
const STAMP = join(ROOT, "dist/.built");

const changedAt = (path) => statSync(join(ROOT, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const files = (folder) => readdirSync(join(ROOT, folder), { recursive: true }).map((file) => join(folder, file));

/** Rejects with one sentence when the compilers are missing, or when the sources do not compile. */
export default async function build() {
  const sources = [...files("src"), ...files("wasm"), "build.js", "tsconfig.json", "tsconfig.build.json"];
  if (changedAt("dist/.built") > Math.max(...sources.map(changedAt))) return;
  const typescript = installed("typescript");
  installed("assemblyscript");
  installed("esbuild");
  console.error("building Outrider from its sources …");
  await buildWasm();
  const options = [join(typescript, "bin/tsc"), "-p", join(ROOT, "tsconfig.build.json")];
  const { status } = spawnSync(process.execPath, options, { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("the sources do not compile; the compiler's messages are above");
  // What the scaffold consists of, and templates of questions.
  const page = join(ROOT, "src/page");
  const others = (file) => file !== page && (statSync(file).isDirectory() || !file.endsWith(".ts"));
  cpSync(join(ROOT, "src"), join(ROOT, "dist"), { recursive: true, filter: others });
  await buildPage();
  removeOrphans();
  writeFileSync(STAMP, "");
}

/** Removes what was made of sources that are gone. */
function removeOrphans() {
  const sources = new Set(files("src").map((file) => file.slice("src".length)));
  for (const file of files("dist").filter((file) => statSync(join(ROOT, file)).isFile())) {
    const name = file.slice("dist".length);
    const made = name.replace(/(\.d\.ts|\.js)$/, ".ts");
    const kept = name.startsWith("/page/") || sources.has(name) || sources.has(made) || dirname(file) === "dist";
    if (!kept) rmSync(join(ROOT, file));
  }
}

/** The folder of a development dependency. */
function installed(name) {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    throw new Error(`${name} is needed to build Outrider from its sources; run \`npm install\` in ${ROOT}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
