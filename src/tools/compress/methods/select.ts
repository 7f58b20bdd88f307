/** The n-th smallest number without sorting: Hoare 1961, FIND. Takes linear time on average. */

/** The n-th smallest of `values`, from 0. Reorders `values`. */
export function select(values: Float64Array, n: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    // The median of three as pivot: sorted and equal values cost no more.
    const x = values[low]!;
    const y = values[(low + high) >> 1]!;
    const z = values[high]!;
    const pivot = Math.max(Math.min(x, y), Math.min(Math.max(x, y), z));
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const held = values[i]!;
      values[i++] = values[j]!;
      values[j--] = held;
    }
    // Values up to j are at most the pivot, values from i on at least the pivot, values between them equal it.
    if (n <= j) high = j;
    else if (n >= i) low = i;
    else break;
  }
  return values[n]!;
}
