/**
 * How many leading tokens two timelines share: what either side holds of the other need not be computed or sent again.
 */
export function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
