/** Lists of words, which lie as data beside the modules that use them. */
import { readFileSync } from "node:fs";

export const readWords = <T>(file: string): T => JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8")) as T;
