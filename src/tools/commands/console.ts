/**
 * What commands say, on its way to the terminal. Names, errors and lines of files that strangers made are among it, so
 * control characters are spelt out here, for all commands and for whatever they call.
 */
import { format, inspect } from "node:util";
import { spelt } from "../../core/model/control-characters.ts";

/** Begin and end of bold, the one style that commands write themselves (help.ts). */
const BOLD = (inspect.colors.bold ?? []).map((code) => `\u001b[${code}m`);

/** Has this console spell out control characters from now on. */
export function spellOut(console: Pick<Console, "log" | "error" | "warn">): void {
  for (const name of ["log", "error", "warn"] as const) {
    const say = console[name].bind(console);
    console[name] = (...said: unknown[]) => say(besides(BOLD, format(...said)));
  }
}

function besides([style, ...further]: readonly string[], text: string): string {
  if (style === undefined) return spelt(text);
  return text
    .split(style)
    .map((part) => besides(further, part))
    .join(style);
}
