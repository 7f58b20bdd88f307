/** npm packages that are no dependency of the project, in a folder of their own. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

// Optional packages may be those of every platform, and their scripts would build what has no binaries.
const FLAGS = ["--omit=optional", "--ignore-scripts", "--save-exact", "--no-audit", "--no-fund", "--loglevel=error"];

/**
 * Installs packages, NAME@VERSION, into `folder`; what is there already stays. Rejects with npm's own reason and the
 * command.
 */
export async function installPackages(folder: string, packages: readonly string[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  // Without one npm would install into the next folder above that has one.
  const manifest = join(folder, "package.json");
  if (!existsSync(manifest)) await writeFile(manifest, '{ "private": true }\n');
  const command = ["install", ...FLAGS, ...packages];
  const options = { cwd: folder, shell: process.platform === "win32" };
  await promisify(execFile)("npm", command, options).catch((cause) => {
    const { code, stderr = "" } = cause as { code?: string | number; stderr?: string };
    const why = code === "ENOENT" ? "there is no npm on PATH" : (reasonOf(stderr) ?? `npm ended with ${code}`);
    throw new Error(`${why}; start again, or run in ${folder}: npm ${command.join(" ")}`, { cause });
  });
}

/** What npm says of the failure first, behind its code. */
const reasonOf = (errors: string): string | undefined =>
  errors
    .split("\n")
    .map((line) => line.replace(/^npm (error|ERR!) ?/, "").trim())
    .find((line) => line !== "" && !/^(code|errno|syscall) /.test(line));
