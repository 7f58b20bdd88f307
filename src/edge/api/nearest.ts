/** The name that a misspelt one probably stands for. */

/** The nearest of `names`, or null where none is near: one change for each four letters, none below three letters. */
export function nearest(name: string, names: readonly string[]): string | null {
  const reach = name.length < 3 ? 0 : Math.max(1, Math.floor(name.length / 4));
  const ranked = names
    .filter((other) => Math.abs(other.length - name.length) <= reach)
    .map((other) => ({ other, far: distance(name.toLowerCase(), other) }))
    .filter(({ far }) => far <= reach)
    .toSorted((a, b) => a.far - b.far);
  return ranked[0]?.other ?? null;
}

/** Letters to insert, remove, replace or swap with their neighbour (Damerau 1964, restricted). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = swap ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(change, rows[i - 1]![j]! + 1, row[j - 1]! + 1, swapped));
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
