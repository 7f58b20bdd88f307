/**
 * Non-uniform quantisation of one output row: the codebook that is nearest to its weights, by k-means. SqueezeLLM (Kim et al.
 * 2023, arXiv 2306.07629), section 4.1, equation 4, where each weight's error counts by its sensitivity. In one dimension
 * clusters are runs of sorted weights, so the best ones can be found exactly, by dynamic programming over where runs end
 * (Wang and Song 2011, Ckmeans.1d.dp); that the best end never moves back makes it n · log n a level.
 */

/** Sums over sorted values before each place, from which the error of any run follows. */
interface Sums {
  readonly mass: Float64Array;
  readonly moment: Float64Array;
  readonly square: Float64Array;
}

/**
 * At most `levels` centroids, ascending, of `values` under `sensitivities` (all 1 when absent; as long as values, none
 * negative). Fewer values than levels are their own centroids.
 */
export function codebook(values: Float32Array, levels: number, sensitivities?: Float32Array): Float32Array {
  const sums = sumSorted(values, sensitivities);
  const runs = Math.min(levels, values.length);
  const ends = bestEnds(sums, values.length, runs);
  const centroids: number[] = [];
  for (let run = 0; run < runs; run++) {
    const weight = sums.mass[ends[run + 1]!]! - sums.mass[ends[run]!]!;
    if (weight > 0) centroids.push((sums.moment[ends[run + 1]!]! - sums.moment[ends[run]!]!) / weight);
  }
  return Float32Array.from(centroids.length > 0 ? centroids : [0]);
}

/** Index of the nearest of ascending `centroids`; the lower one at equal distance. */
export function nearestCode(centroids: ArrayLike<number>, value: number): number {
  let best = 0;
  for (let code = 1; code < centroids.length; code++) {
    if (Math.abs(centroids[code]! - value) < Math.abs(centroids[best]! - value)) best = code;
  }
  return best;
}

function sumSorted(values: Float32Array, sensitivities?: Float32Array): Sums {
  const order = sensitivities && Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const sorted = order ? Float32Array.from(order, (at) => values[at]!) : Float32Array.from(values).sort();
  const [mass, moment, square] = [0, 1, 2].map(() => new Float64Array(values.length + 1)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (const [i, value] of sorted.entries()) {
    const weight = order ? sensitivities![order[i]!]! : 1;
    mass[i + 1] = mass[i]! + weight;
    moment[i + 1] = moment[i]! + weight * value;
    square[i + 1] = square[i]! + weight * value * value;
  }
  return { mass, moment, square };
}

/** Weighted squared distance of the values from `from` to `to` to their mean. */
function runError({ mass, moment, square }: Sums, from: number, to: number): number {
  const weight = mass[to]! - mass[from]!;
  if (weight <= 0) return 0;
  const sum = moment[to]! - moment[from]!;
  return Math.max(0, square[to]! - square[from]! - (sum * sum) / weight);
}

/** Where the `runs` runs of `n` values begin and end, 0 first and n last, for the least error. */
function bestEnds(sums: Sums, n: number, runs: number): number[] {
  let least = Float64Array.from({ length: n + 1 }, (_, to) => runError(sums, 0, to));
  const starts: Uint32Array[] = [new Uint32Array(n + 1)];
  for (let run = 1; run < runs; run++) {
    const next = new Float64Array(n + 1);
    const start = new Uint32Array(n + 1);
    const before = least;
    // The best start of the last run for every end between two whose best starts are known lies between those.
    const fill = (low: number, high: number, from: number, to: number): void => {
      if (low > high) return;
      const end = (low + high) >> 1;
      let best = Number.POSITIVE_INFINITY;
      let at = from;
      for (let s = from; s <= Math.min(to, end); s++) {
        const error = before[s]! + runError(sums, s, end);
        if (error < best) {
          best = error;
          at = s;
        }
      }
      next[end] = best;
      start[end] = at;
      fill(low, end - 1, from, at);
      fill(end + 1, high, at, to);
    };
    fill(0, n, 0, n);
    starts.push(start);
    least = next;
  }
  const ends = [n];
  for (let run = runs - 1; run >= 0; run--) ends.unshift(starts[run]![ends[0]!]!);
  return ends;
}
