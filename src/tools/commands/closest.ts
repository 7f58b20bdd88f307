/** The word that somebody probably meant. */
import { editDistance } from "../../core/model/edit-distance.ts";

/**
 * A word that begins as `given` does, or else the nearest within a third of the letters, by edit distance; undefined
 * where none is near.
 */
export function closest(given: string, words: readonly string[]): string | undefined {
  const longer = words.find((word) => given.length > 3 && word.startsWith(given));
  if (longer !== undefined) return longer;
  const near = words
    .map((word) => ({ word, distance: editDistance(given, word) }))
    .filter(({ word, distance }) => distance <= Math.max(1, Math.floor(Math.max(given.length, word.length) / 3)));
  return near.sort((a, b) => a.distance - b.distance)[0]?.word;
}

/** ` (did you mean --self?)`, or nothing where no word is near. */
export function suggestion(given: string, words: readonly string[]): string {
  const found = closest(given, words);
  return found === undefined ? "" : ` (did you mean ${found}?)`;
}
