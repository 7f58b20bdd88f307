/** Programs that are run by name, `npm run suite NAME` and `npm run bench NAME`, and the list of them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { resolve } from "node:path";
import { suggestion } from "../../src/tools/commands/closest.ts";

export interface Program {
  readonly name: string;
  /** One sentence: what it shows or measures. */
  readonly about: string;
  /** What the machine must have besides the packages of `npm install`. */
  readonly needs: string;
  /** What is built before it starts. */
  readonly builds: "nothing" | "wasm" | "dist";
  /** The command, without what the user adds. */
  readonly command: readonly [program: string, ...args: string[]];
}

const ROOT = resolve(import.meta.dirname, "../..");
/** Compilers are plain JavaScript without types. */
const built = async (file: string): Promise<void> => ((await import(file)) as { default(): Promise<void> }).default();
const BUILDS = {
  nothing: async () => {},
  wasm: () => built("../../wasm/build.js"),
  dist: () => built("../../build.js"),
};

/** A program of Node. */
export const node = (...args: string[]): Program["command"] => [process.execPath, ...args];

/** A project of vitest.config.ts. */
export const project = (name: string): Program["command"] =>
  node("node_modules/vitest/vitest.mjs", "run", "--project", name);

/** A program of the Python that has torch and transformers. */
export const python = (...args: string[]): Program["command"] => [process.env.OUTRIDER_PYTHON || "python3", ...args];

/**
 * Runs the program that the command line names, with what stands behind the name, and ends as it ends. Without a name
 * it prints the list.
 */
export async function runNamed(kind: "suite" | "bench", programs: readonly Program[]): Promise<void> {
  const [name, ...args] = process.argv.slice(2);
  const names = programs.map((one) => one.name);
  const width = Math.max(...names.map(({ length }) => length));
  const lines = programs.map((one) => `  ${one.name.padEnd(width)}  ${one.about} (${one.needs})`);
  if (name === undefined) {
    console.log([`npm run ${kind} NAME -- OPTIONS`, "", ...lines].join("\n"));
    return;
  }
  const program = programs.find((one) => one.name === name);
  if (program === undefined) {
    console.error([`there is no ${kind} ${name}${suggestion(name, names)}`, "", ...lines].join("\n"));
    process.exitCode = 2;
    return;
  }
  await BUILDS[program.builds]();
  const [command, ...fixed] = program.command;
  const child = spawn(command, [...fixed, ...args], { cwd: ROOT, stdio: "inherit" });
  // The terminal tells both; whoever ends this process alone means the program.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  process.exitCode = code ?? 128 + constants.signals[signal!];
}
