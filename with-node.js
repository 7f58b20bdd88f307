/**
 * Runs a program of this clone, which is TypeScript: `node with-node.js PROGRAM ARGS`. On a Node that does not read
 * TypeScript it obtains a newer one first, as `outrider start` does for wrangler. A program without a path is one of
 * node_modules.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(fileURLToPath(import.meta.url));
/** The first that reads TypeScript without an option. */
const LEAST = "22.18";

const [program = "", ...args] = process.argv.slice(2);

function fileOf(name) {
  if (name.includes("/")) return name;
  const folder = join(ROOT, "node_modules", name);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[name]);
}

/** What obtains it is TypeScript itself, and compiled first. */
async function obtained() {
  const { default: build } = await import("./build.js");
  await build();
  const { newNode } = await import("./dist/tools/service/node.js");
  return newNode(LEAST, "this clone");
}

try {
  const node = process.features.typescript ? process.execPath : await obtained();
  const child = spawn(node, [fileOf(program), ...args], { stdio: "inherit" });
  // The terminal tells both; whoever ends this process alone means the program.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
