/** One command, run by its words: its help, or its work, and what a failure looks like. */
import { OutriderError } from "../../core/model/errors.ts";
import type { Command } from "./command.ts";

const FAILED = 1;
const USAGE = 2;

/**
 * Returns the exit status: 0, 1 for what failed, 2 for words that are not understood.
 *
 * @param name as it is typed, such as "outrider start"
 */
export async function attempt(
  name: string,
  summary: string,
  command: Command,
  argv: readonly string[],
): Promise<number> {
  if (argv.slice(0, optionsEnd(argv)).some(isHelp)) {
    console.log(command.help(name, summary));
    return 0;
  }
  try {
    await command.run(argv);
    // A command that was interrupted and ended what it had begun has set a status of its own.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return failed(error, name);
  }
}

export const isHelp = (word: string): boolean => word === "--help" || word === "-h";

/** Where options end and words that begin with a dash are no options. */
const optionsEnd = (argv: readonly string[]): number => (argv.includes("--") ? argv.indexOf("--") : argv.length);

/** One line on stderr. Only OUTRIDER_DEBUG shows where in the program an error came from. */
export function failed(error: unknown, name: string): number {
  const isUsage = error instanceof OutriderError && error.code === "bad_option";
  console.error(`${name}: ${sentence(error)}${isUsage ? `; see ${name} --help` : ""}`);
  if (process.env.OUTRIDER_DEBUG) console.error(error);
  return isUsage ? USAGE : FAILED;
}

/** What the system refuses, in words, by its code. */
const REFUSALS: Readonly<Record<string, string>> = {
  EACCES: "this user may not use that path; choose another folder, or change its permissions",
  EPERM: "this user may not use that path; choose another folder, or change its permissions",
  EROFS: "nothing can be written there; choose another folder",
  ENOSPC: "the disk is full; free some of it, or choose another folder",
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a part of that path is a file, where a folder is needed",
  EISDIR: "it is a folder, and a file is needed",
  ELOOP: "its links lead to each other, and to no file; name the file itself",
  EEXIST: "it is there already, and is no folder",
};

function sentence(error: unknown): string {
  if (error instanceof OutriderError) return error.message;
  const { code = "", path } = error as NodeJS.ErrnoException;
  const refusal = REFUSALS[code];
  if (refusal !== undefined && path !== undefined) return `${path}: ${refusal}`;
  const message = error instanceof Error ? error.message : String(error);
  return `${message.split("\n")[0]} (unexpected; OUTRIDER_DEBUG=1 shows where it happened)`;
}
