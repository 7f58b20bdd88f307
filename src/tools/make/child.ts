/** A program that runs beside this one: its lines as they come, its log, and its end with ours. */
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { OutriderError, stopped } from "../../core/model/errors.ts";

interface ChildOptions {
  readonly env: NodeJS.ProcessEnv;
  /** What errors call it. */
  readonly name: string;
  /** Everything that it writes is added to this file. */
  readonly log: string;
  /** Interrupts it as Ctrl-C does. */
  readonly signal: AbortSignal;
  /** Gets each line of its standard output. */
  said(line: string): void;
}

/** So much of its last words is kept for an error. */
const WORDS = 8000;

/** Resolves when it ends with status 0. Rejects with `stopped` after `signal`, else with `python_failed`. */
export function runChild(program: string, args: readonly string[], options: ChildOptions): Promise<void> {
  const { env, name, log, signal, said } = options;
  if (signal.aborted) throw stopped();
  mkdirSync(path.dirname(log), { recursive: true });
  const written = createWriteStream(log, { flags: "a" });
  // In a process group of its own: Ctrl-C in a terminal reaches it once, by us, and not twice.
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const interrupt = () => child.kill("SIGINT");
  const end = () => child.kill("SIGTERM");
  signal.addEventListener("abort", interrupt);
  process.on("exit", end);
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    written.write(text);
    words = (words + text).slice(-WORDS);
  });
  createInterface(child.stdout).on("line", (line) => {
    written.write(`${line}\n`);
    said(line);
  });
  return new Promise((resolve, reject) => {
    child.on("error", (cause) => {
      reject(new OutriderError("python_failed", `${name} could not be started: ${cause.message}`, { cause }));
    });
    child.on("close", (code) => {
      signal.removeEventListener("abort", interrupt);
      process.off("exit", end);
      written.end();
      if (code === 0) resolve();
      else if (signal.aborted) reject(stopped());
      else reject(new OutriderError("python_failed", `${name}: ${lastWords(words, code)} (${log} has all of it)`));
    });
  });
}

/** The last line of an error is what Python says of it. */
function lastWords(words: string, code: number | null): string {
  const last = words.trim().split("\n").at(-1)?.trim();
  if (/out of memory|DefaultCPUAllocator/i.test(words)) return "the memory is too small for this model";
  return last ? last : `it ended with ${code === null ? "a signal" : `status ${code}`}`;
}
