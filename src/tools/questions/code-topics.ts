/**
 * Words of coding questions, from code-topics.json. Every list is short on purpose: products of several of them are what
 * makes questions many.
 */
import { readWords } from "./words.ts";

interface CodeTopics {
  /** Things that programs keep: singular, plural, fields. */
  readonly ENTITIES: readonly { readonly one: string; readonly many: string; readonly fields: readonly string[] }[];
  /** What a function does: "Write a function that …". */
  readonly TASKS: readonly string[];
  /** Demands on a function, and none as often. */
  readonly DEMANDS: readonly string[];
  /** Follow-up turns that fit any code. */
  readonly FOLLOW_UPS: readonly string[];
  /** Classes and data structures: "Write a class for …". */
  readonly CLASSES: readonly string[];
  /** Uses of libraries: the library and what to do with it. */
  readonly LIBRARIES: readonly { readonly name: string; readonly does: readonly string[] }[];
  /** Errors that people paste. */
  readonly ERRORS: readonly string[];
  readonly SHELL: readonly string[];
  readonly SQL: readonly string[];
  /** Texts that regular expressions match. */
  readonly PATTERNS: readonly string[];
  /** Files of configuration. */
  readonly CONFIGS: readonly string[];
  /** Pages and styles. */
  readonly PAGES: readonly string[];
  /** Things to explain or compare. */
  readonly CONCEPTS: readonly string[];
  readonly NOUNS: readonly string[];
  /** Names of parameters that any function may get. */
  readonly FLAGS: readonly string[];
  readonly VERBS: readonly string[];
}

export const {
  ENTITIES,
  TASKS,
  DEMANDS,
  FOLLOW_UPS,
  CLASSES,
  LIBRARIES,
  ERRORS,
  SHELL,
  SQL,
  PATTERNS,
  CONFIGS,
  PAGES,
  CONCEPTS,
  NOUNS,
  FLAGS,
  VERBS,
} = readWords<CodeTopics>("code-topics.json");

/** A language as often as it stands here. */
export const LANGUAGES = [
  ...Array<string>(12).fill("Python"),
  ...Array<string>(5).fill("JavaScript"),
  ...Array<string>(4).fill("TypeScript"),
  ...Array<string>(3).fill("Java"),
  ...Array<string>(2).fill("C"),
  ...Array<string>(3).fill("C++"),
  ...Array<string>(3).fill("Go"),
  ...Array<string>(2).fill("Rust"),
  ...Array<string>(2).fill("C#"),
  "PHP",
  "Ruby",
  "Kotlin",
  "Swift",
];
