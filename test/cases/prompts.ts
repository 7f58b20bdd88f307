/** What the tests of the whole path ask. */
import prompts from "./prompts.json" with { type: "json" };

/** Fifty short questions of many kinds: prose, code, sums, translation, odd input. */
export const PROMPTS: readonly string[] = prompts.chat;

/**
 * Fifty short questions to a model that writes code: functions, completions, explanations, tests, edits, shell and SQL
 * in many languages. None of them is among those that drafts were taught on or are judged by.
 */
export const CODING_PROMPTS: readonly string[] = prompts.coding;
