/** The name that a misspelt one probably stands for. */
import { editDistance } from "../../core/model/edit-distance.ts";

/** The nearest of `names`, or null where none is near: one change for each four letters, none below three letters. */
export function nearest(name: string, names: readonly string[]): string | null {
  const reach = name.length < 3 ? 0 : Math.max(1, Math.floor(name.length / 4));
  const ranked = names
    .filter((other) => Math.abs(other.length - name.length) <= reach)
    .map((other) => ({ other, far: editDistance(name.toLowerCase(), other) }))
    .filter(({ far }) => far <= reach)
    .toSorted((a, b) => a.far - b.far);
  return ranked[0]?.other ?? null;
}
