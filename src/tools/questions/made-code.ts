/** Short pieces of code in several languages: the templates of made-code.md with drawn names. */
import { readFileSync } from "node:fs";
import { ENTITIES, VERBS } from "./code-topics.ts";
import type { Draw } from "./draw.ts";
import type { Snippet } from "./snippets.ts";

const TEMPLATES: readonly Snippet[] = [
  ...readFileSync(new URL("made-code.md", import.meta.url), "utf8").matchAll(/^```(\w+)\n([\s\S]*?)\n```$/gm),
].map(([, language, code]) => ({ language: language!, code: code! }));

/** `snake_case` or words with spaces → `CamelCase`. */
export const capital = (name: string): string =>
  name.replace(/(?:^|[_ -])([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

export function made({ of, number }: Draw): Snippet {
  const { language, code } = of(TEMPLATES);
  const entity = of(ENTITIES);
  const first = number(0, 4);
  const o = entity.one.replace(" ", "_");
  const s = entity.many.replace(" ", "_");
  const a = entity.fields[first]!;
  const b = entity.fields[(first + number(1, 4)) % 5]!;
  const v = of(VERBS);
  const words: Readonly<Record<string, string>> = {
    ...{ o, s, a, b, v, n: String(number(2, 20)) },
    ...{ O: capital(o), S: capital(s), A: capital(a), B: capital(b), V: capital(v) },
  };
  return { language, code: code.replace(/\{([osabvnOSABV])\}/g, (_, word: string) => words[word]!) };
}
