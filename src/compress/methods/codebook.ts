/**
 * Non-uniform quantisation of one output row: the codebook that is nearest to its weights, by k-means in one dimension.
 * SqueezeLLM (Kim et al. 2023, arXiv 2306.07629), section 4.1, equation 4, where each weight's error counts by its
 * sensitivity; Lloyd 1982 for the iteration.
 */

const ITERATIONS = 24;

/** Sorted values with the prefix sums that make the mean of any run of them two subtractions. */
interface Sorted {
  readonly values: Float64Array;
  /** Of sensitivity, and of sensitivity · value; one longer than values. */
  readonly mass: Float64Array;
  readonly moment: Float64Array;
}

/**
 * At most `levels` centroids, ascending, of `values` under `sensitivities` (all 1 when absent; as long as values, none
 * negative). Fewer values than levels are their own centroids.
 */
export function codebook(values: Float32Array, levels: number, sensitivities?: Float32Array): Float32Array {
  const sorted = sort(values, sensitivities);
  const n = values.length;
  // Quantiles of mass: every centroid starts with its share of what counts.
  const total = sorted.mass[n]!;
  const count = Math.min(levels, n);
  let bounds = Array.from({ length: count + 1 }, (_, level) =>
    level === count
      ? n
      : total > 0
        ? lowerBound(sorted.mass, (total * level) / count)
        : Math.floor((n * level) / count),
  );
  let centroids = means(sorted, bounds);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const next = [0, ...centroids.slice(1).map((c, i) => lowerBound(sorted.values, (c + centroids[i]!) / 2)), n];
    if (next.length === bounds.length && next.every((bound, i) => bound === bounds[i])) break;
    bounds = next;
    centroids = means(sorted, bounds);
  }
  return Float32Array.from(centroids);
}

/** Index of the nearest of ascending `centroids`; the lower one at equal distance. */
export function nearestCode(centroids: ArrayLike<number>, value: number): number {
  let best = 0;
  for (let code = 1; code < centroids.length; code++) {
    if (Math.abs(centroids[code]! - value) < Math.abs(centroids[best]! - value)) best = code;
  }
  return best;
}

function sort(values: Float32Array, sensitivities?: Float32Array): Sorted {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const mass = new Float64Array(values.length + 1);
  const moment = new Float64Array(values.length + 1);
  for (const [i, at] of order.entries()) {
    const weight = sensitivities?.[at] ?? 1;
    mass[i + 1] = mass[i]! + weight;
    moment[i + 1] = moment[i]! + weight * values[at]!;
  }
  return { values: Float64Array.from(order, (at) => values[at]!), mass, moment };
}

/** The mean of each run that has any mass; a run without gives no centroid. */
function means({ mass, moment }: Sorted, bounds: readonly number[]): number[] {
  const centroids: number[] = [];
  for (let i = 0; i + 1 < bounds.length; i++) {
    const [from, to] = [bounds[i]!, bounds[i + 1]!];
    const weight = mass[to]! - mass[from]!;
    if (weight > 0) centroids.push((moment[to]! - moment[from]!) / weight);
  }
  return centroids.length > 0 ? centroids : [0];
}

/** Index of the first element that is not below `bound`. */
function lowerBound(ascending: Float64Array, bound: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
