/** The order in which files are used: languages by weight, then a package, then a file of it. */

import type { SourceFile } from "../../src/tools/make/source-files.ts";
import { draws } from "../../src/tools/questions/draw.ts";

/** How often files of a language are drawn, where there are any. Others: 1. */
const WEIGHTS: Readonly<Record<string, number>> = {
  python: 20,
  javascript: 7,
  typescript: 7,
  tsx: 2,
  java: 4,
  go: 5,
  rust: 4,
  c: 3,
  cpp: 4,
  php: 2,
  ruby: 2,
};

/** All files once. Packages take turns within a language, so that a large one does not crowd out the others. */
export function inTurn(files: readonly SourceFile[], seed: number): SourceFile[] {
  const languages = new Map<string, Map<string, SourceFile[]>>();
  for (const file of files) {
    const packages = languages.get(file.language) ?? new Map<string, SourceFile[]>();
    packages.set(file.origin, [...(packages.get(file.origin) ?? []), file]);
    languages.set(file.language, packages);
  }
  return files.map((_, n) => {
    const { of, number } = draws(seed, n);
    const language = of([...languages.keys()].flatMap((name) => Array<string>(WEIGHTS[name] ?? 1).fill(name)));
    const packages = languages.get(language)!;
    const origin = of([...packages.keys()]);
    const left = packages.get(origin)!;
    const [file] = left.splice(number(0, left.length - 1), 1);
    if (left.length === 0) packages.delete(origin);
    if (packages.size === 0) languages.delete(language);
    return file!;
  });
}
