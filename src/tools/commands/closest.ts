/** The word that somebody probably meant. */

/**
 * A word that begins as `given` does, or else the nearest within a third of the letters, by edit distance with swaps of
 * neighbours; undefined where none is near.
 */
export function closest(given: string, words: readonly string[]): string | undefined {
  const longer = words.find((word) => given.length > 3 && word.startsWith(given));
  if (longer !== undefined) return longer;
  const near = words
    .map((word) => ({ word, distance: distance(given, word) }))
    .filter(({ word, distance }) => distance <= Math.max(1, Math.floor(Math.max(given.length, word.length) / 3)));
  return near.sort((a, b) => a.distance - b.distance)[0]?.word;
}

function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + same,
        swap ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY,
      );
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** ` (did you mean --self?)`, or nothing where no word is near. */
export function suggestion(given: string, words: readonly string[]): string {
  const found = closest(given, words);
  return found === undefined ? "" : ` (did you mean ${found}?)`;
}
