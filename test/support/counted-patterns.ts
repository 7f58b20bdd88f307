/**
 * How much work drawing a text is, as a number that is the same on every machine: the units that patterns and methods
 * of texts look at. That a pattern never goes back and forth is proved for each one that runs, by scslre.
 */
import { analyse } from "scslre";

/** Runs `work`. Returns the units looked at. Throws where a pattern may take more than linear time. */
export function stepsOf(work: () => void): number {
  let steps = 0;
  const restore = [
    patch(
      RegExp.prototype,
      "exec",
      (exec) =>
        function (this: RegExp, text: string) {
          const from = this.global || this.sticky ? this.lastIndex : 0;
          const found = exec.call(this, text) as RegExpExecArray | null;
          const rest = text.length - from;
          // What a sticky pattern reads in vain is read once for all its places, unless scslre says otherwise.
          if (rereads(this) || (!found && !this.sticky)) steps += 1 + rest;
          else steps += 1 + (found ? found.index + found[0].length - from : 0);
          return found;
        },
    ),
    patch(
      String.prototype,
      "indexOf",
      (search) =>
        function (this: string, ...given: [string, number?]) {
          const found = search.apply(this, given);
          steps += 1 + (found < 0 ? this.length : found) - (given[1] ?? 0);
          return found;
        },
    ),
    ...(["includes", "split", "replaceAll", "trim", "trimStart", "trimEnd"] as const).map((name) =>
      patch(
        String.prototype,
        name,
        (whole) =>
          function (this: string, ...given: []) {
            steps += 1 + this.length;
            return (whole as (...given: unknown[]) => unknown).apply(this, given);
          },
      ),
    ),
  ];
  try {
    work();
  } finally {
    for (const undo of restore) undo();
  }
  return steps;
}

function patch<T, K extends keyof T>(on: T, name: K, made: (before: T[K]) => unknown): () => void {
  const before = on[name];
  on[name] = made(before) as T[K];
  return () => {
    on[name] = before;
  };
}

const known = new Map<string, boolean>();
const native = RegExp.prototype.exec;

/** Whether a sticky pattern that is tried at many places may read the same units at each. Throws as `stepsOf` does. */
function rereads(pattern: RegExp): boolean {
  const { source, flags, sticky } = pattern;
  const key = `${flags} ${source}`;
  let is = known.get(key);
  if (is === undefined) {
    const patched = RegExp.prototype.exec;
    RegExp.prototype.exec = native;
    try {
      const reports = (at: string) => analyse(new RegExp(source, at)).reports;
      if (reports(flags).length > 0) throw new Error(`${pattern} goes back and forth`);
      is = sticky && reports(flags.replace("y", "g")).length > 0;
    } finally {
      RegExp.prototype.exec = patched;
    }
    known.set(key, is);
  }
  return is;
}
