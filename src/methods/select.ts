/** The number that stands at a place of the sorted order, without sorting. Hoare 1961, FIND: time in proportion to the count. */

/** The `place`-th least of `values`, from 0. Moves `values` about. */
export function select(values: Float64Array, place: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    // The middle of three is a pivot that sorted and equal values do no harm to.
    const [x, y, z] = [values[low]!, values[(low + high) >> 1]!, values[high]!];
    const pivot = Math.max(Math.min(x, y), Math.min(Math.max(x, y), z));
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const held = values[i]!;
      values[i++] = values[j]!;
      values[j--] = held;
    }
    // All up to j are at most the pivot, all from i at least; what lies between equals it.
    if (place <= j) high = j;
    else if (place >= i) low = i;
    else break;
  }
  return values[place]!;
}
