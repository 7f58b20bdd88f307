/** Where the documents of the project lie. */
import { globSync } from "node:fs";

const PATTERNS = [
  "*.md",
  "docs/**/*.md",
  "models/*.md",
  "models/*/*.md",
  "test/*.md",
  "test/**/*.md",
  "wasm/*.md",
  "src/**/*.md",
];

/** Paths of all documents, relative to `root`, in order. Text that programs read as data is none of them. */
export function markdownFiles(root: string): string[] {
  return globSync(PATTERNS, { cwd: root, exclude: ["src/tools/questions", "**/node_modules"] }).sort();
}
