/**
 * What a target pass costs by the positions that it computes, as multiples of a pass over one. It is a curve with
 * steps: where a kernel reads weights once for a block of positions, more of them cost little until the block is full.
 */

/** Cost by number of positions, e.g. {1: 1, 3: 1.2, 8: 2.15, 16: 2.15}; in between it is interpolated. */
export type PassCost = Readonly<Record<number, number>>;

/**
 * The cost of a pass over so many positions, at least 1: a straight line between two numbers of positions that the
 * curve names, and beyond the last the line through the last two.
 */
export function costOf(curve: PassCost, positions: number): number {
  // An object's whole-number keys are in ascending order.
  const points = Object.entries({ 1: 1, ...curve }).map(([at, cost]) => ({ at: Number(at), cost }));
  const further = points.slice(1);
  const right = further.find(({ at }) => at >= positions) ?? further.at(-1);
  if (!right) return 1;
  const left = points[points.indexOf(right) - 1]!;
  return left.cost + ((right.cost - left.cost) * (positions - left.at)) / (right.at - left.at);
}

/** ms of passes over 0 to `most` draft tokens and one more position, where one position takes `passMs`. */
export const passesOver = (curve: PassCost, passMs: number, most: number): number[] =>
  Array.from({ length: most + 1 }, (_, drafted) => passMs * costOf(curve, drafted + 1));
