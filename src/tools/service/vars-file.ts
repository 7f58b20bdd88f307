/** Settings of a Worker as a dotenv file that only this user may read, and that wrangler reads back unchanged. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { OutriderError } from "../../core/model/errors.ts";

const QUOTES = ["'", "`"];

/** Writes `vars`, by name, to `file` and returns it. Throws `bad_setting` where a value fits no quotes. */
export function writeVars(file: string, vars: Readonly<Record<string, string>>): string {
  const lines = Object.entries(vars).map(([name, value]) => `${name}=${quoted(name, value)}\n`);
  mkdirSync(dirname(file), { recursive: true });
  // A file that an interrupted run left would keep its mode.
  rmSync(file, { force: true });
  writeFileSync(file, lines.join(""), { mode: 0o600 });
  return file;
}

function quoted(name: string, value: string): string {
  const quote = QUOTES.find((mark) => !value.includes(mark));
  if (quote === undefined || value.endsWith("\\")) {
    throw new OutriderError("bad_setting", `${name} holds both ' and \`, or ends with \\; choose another value`);
  }
  // wrangler puts the environment into a value at each bare $, in quotes too.
  return `${quote}${value.replaceAll("$", "\\$")}${quote}`;
}
