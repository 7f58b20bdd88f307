/** Python programs that are no part of the project, each in an environment of its own under .cache/engines. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const HOME = resolve(import.meta.dirname, "../../.cache/engines");
const PYTHON = process.env.OUTRIDER_PYTHON ?? "python3";

export interface Recipe {
  readonly name: string;
  /** Requirements that replace those of the packages below. */
  readonly overrides: readonly string[];
  readonly packages: readonly string[];
  /** Installed after them, without what they require. */
  readonly bare?: readonly string[];
  /** What is left to do. */
  finish?(home: string): void;
}

/** The environment's folder, made at the first call. Throws what pip throws. */
export function environment({ name, overrides, packages, bare = [], finish }: Recipe): string {
  const home = join(HOME, name);
  if (existsSync(join(home, "made"))) return home;
  mkdirSync(HOME, { recursive: true });
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { stdio: "inherit", env: { ...process.env, VIRTUAL_ENV: home } });
  const bin = join(home, "bin");
  run(PYTHON, "-m", "venv", "--clear", home);
  run(join(bin, "pip"), "install", "--quiet", "uv");
  writeFileSync(join(home, "overrides.txt"), overrides.join("\n"));
  run(join(bin, "uv"), "pip", "install", "--quiet", "--override", join(home, "overrides.txt"), ...packages);
  if (bare.length > 0) run(join(bin, "uv"), "pip", "install", "--quiet", "--no-deps", ...bare);
  finish?.(home);
  writeFileSync(join(home, "made"), "");
  return home;
}
