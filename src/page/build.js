/**
 * Makes dist/page, which every edge serves: the scripts and styles bundled, openapi.json from the schemas of src/edge,
 * all else as it is. Does nothing when nothing has changed since. Also a global setup of vitest.
 */
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SOURCES = join(ROOT, "src/page");
const PAGE = join(ROOT, "dist/page");
const OPENAPI = "openapi.json";

/** What index.html and docs.html name. */
const ENTRIES = ["chat.js", "docs.js", "style.css", "docs.css"];

/** Rejects with the bundler's message. */
export default async function buildPage() {
  const sources = ["src/page", "src/edge", "src/core"].flatMap(files);
  const builtAt = statSync(join(PAGE, OPENAPI), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (builtAt > Math.max(...sources.map((file) => statSync(file).mtimeMs))) return;
  const { build } = await import("esbuild");
  const bundle = (entryPoints, options) =>
    build({ entryPoints, bundle: true, minify: true, format: "esm", write: false, logLevel: "warning", ...options });
  const bundled = await bundle(
    ENTRIES.map((name) => join(SOURCES, name)),
    { outdir: PAGE },
  );
  const copied = readdirSync(SOURCES).filter((name) => !/\.(js|css)$/.test(name));
  // What lies there may be linked into the assets of an edge that runs, and files of the page may be gone.
  rmSync(PAGE, { recursive: true, force: true });
  mkdirSync(PAGE, { recursive: true });
  for (const name of copied) copyFileSync(join(SOURCES, name), join(PAGE, name));
  for (const { path, contents } of bundled.outputFiles) writeFileSync(join(PAGE, basename(path)), contents);
  // Written last: its time is that of the whole.
  const { outputFiles } = await bundle([join(ROOT, "src/edge/api/document/openapi.ts")], { platform: "node" });
  const script = Buffer.from(outputFiles[0].contents).toString("base64");
  const { openapi } = await import(`data:text/javascript;base64,${script}`);
  writeFileSync(join(PAGE, OPENAPI), `${JSON.stringify(openapi())}\n`);
}

const files = (folder) => readdirSync(join(ROOT, folder), { recursive: true }).map((file) => join(ROOT, folder, file));

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPage();
