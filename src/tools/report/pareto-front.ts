/** The Pareto front: the points that no other point beats in both ways. */

export interface Point {
  readonly size: number;
  readonly value: number;
}

/**
 * The points for which no other point is at most as large and at least as good, by size. `better` is 1 where more is
 * better and −1 where less is.
 */
export function paretoFront<P extends Point>(points: readonly P[], better: 1 | -1): P[] {
  const sorted = [...points].sort((a, b) => a.size - b.size || better * (b.value - a.value));
  const front: P[] = [];
  for (const point of sorted) {
    const last = front.at(-1);
    if (!last || better * (point.value - last.value) > 0) front.push(point);
  }
  return front;
}
