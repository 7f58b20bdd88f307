/** A small project: files of its own, and others that nobody should learn from. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

const part = (file: number, n: number) => `def stock_${file}_${n}(values, total):
    """Shares of a total in percent."""
    shares = []
    for value in values:
        if total == ${file}:
            raise ValueError("a total of nothing")
        shares.append(${n} * value / total)
    return shares


`;

/** The text of its file number `file`. */
export const projectSource = (file: number): string => Array.from({ length: 12 }, (_, n) => part(file, n)).join("");

/** Writes four files of Python, and what is no text of the project's: hidden, made by tools, another's, and a list. */
export function writeProject(folder: string): void {
  const put = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  };
  for (let n = 0; n < 4; n++) put(n < 2 ? `module_${n}.py` : `lib/module_${n}.py`, projectSource(n));
  for (const other of [".git/hook.py", "node_modules/a/index.py", "dist/made.py", ".hidden.py", "vendor/theirs.py"]) {
    put(other, projectSource(9));
  }
  put("words.txt", "word\n".repeat(1000));
}
