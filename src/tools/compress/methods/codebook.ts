/**
 * Non-uniform quantisation of one output row: the codebook that is nearest to its weights, by k-means. SqueezeLLM (Kim
 * et al. 2023, arXiv 2306.07629), section 4.1, equation 4, weights each error by the weight's sensitivity. In one
 * dimension a cluster is a run of sorted weights, so dynamic programming over the ends of the runs finds the best
 * clusters exactly (Wang and Song 2011, Ckmeans.1d.dp). As a run's end moves right, its best start never moves left;
 * with divide and conquer that takes n · log n steps a level.
 */

/** The distinct values of positive sensitivity, sorted, as prefix sums. */
interface Sums {
  readonly count: number;
  /** (count + 1): Σ sensitivity of the values before each index. */
  readonly mass: Float64Array;
  /** (count + 1): Σ sensitivity · value of the values before each index. */
  readonly moment: Float64Array;
}

/** Most values of one codebook with sensitivities: a double holds a value's 32 bits and its index below 2^21. */
const MOST_VALUES = 2 ** 21;

export interface Codebook {
  /** Ascending. */
  readonly centroids: Float32Array;
  /** Σ sensitivity of the values of each centroid. */
  readonly masses: Float64Array;
}

/**
 * At most `levels` centroids of `values`, fewer where there are fewer distinct values.
 * @param sensitivities as many as `values`, none negative; every value counts 1 when absent or all zero
 */
export function codebook(values: Float32Array, levels: number, sensitivities?: Float32Array): Codebook {
  const counting = sensitivities?.some((sensitivity) => sensitivity > 0);
  const sums = counting ? sumWeighted(values, sensitivities!) : sumAll(values);
  const { count, mass, moment } = sums;
  const runs = Math.min(levels, count);
  const ends = bestEnds(sums, runs);
  const masses = Float64Array.from({ length: runs }, (_, run) => mass[ends[run + 1]!]! - mass[ends[run]!]!);
  const centroids = Float32Array.from(masses, (own, run) => (moment[ends[run + 1]!]! - moment[ends[run]!]!) / own);
  return { centroids, masses };
}

/** Index of the nearest of ascending `centroids`; the lower one at equal distance. */
export function nearestCode(centroids: ArrayLike<number>, value: number): number {
  let code = 0;
  while (code + 1 < centroids.length && centroids[code + 1]! - value < value - centroids[code]!) code++;
  return code;
}

function sumAll(values: Float32Array): Sums {
  const sorted = values.slice().sort();
  return sumRising(
    sorted.length,
    (n) => sorted[n]!,
    () => 1,
  );
}

/**
 * Sorts numbers that hold a value's bits, mapped to rise with the value, and its index: no comparison function needed.
 */
function sumWeighted(values: Float32Array, sensitivities: Float32Array): Sums {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const keys = new Float64Array(values.length);
  for (let at = 0; at < keys.length; at++) {
    const own = bits[at]!;
    keys[at] = (own >>> 31 ? ~own >>> 0 : own + 2 ** 31) * MOST_VALUES + at;
  }
  keys.sort();
  for (let n = 0; n < keys.length; n++) keys[n] = keys[n]! % MOST_VALUES;
  return sumRising(
    keys.length,
    (n) => values[keys[n]!]!,
    (n) => sensitivities[keys[n]!]!,
  );
}

/** Merges equal values, which share a run in every best solution, and skips values of sensitivity 0. */
function sumRising(length: number, value: (n: number) => number, weight: (n: number) => number): Sums {
  const mass = new Float64Array(length + 1);
  const moment = new Float64Array(length + 1);
  let count = 0;
  let last = Number.NaN;
  for (let n = 0; n < length; n++) {
    if (weight(n) === 0) continue;
    if (value(n) !== last) {
      last = value(n);
      count++;
      mass[count] = mass[count - 1]!;
      moment[count] = moment[count - 1]!;
    }
    mass[count]! += weight(n);
    moment[count]! += weight(n) * last;
  }
  return { count, mass, moment };
}

/**
 * The boundaries of the `runs` runs of least squared error, from 0 to the count. The error is Σ sensitivity · value²
 * less Σ moment² / mass over the runs, so the second sum is maximised.
 */
function bestEnds({ count, mass, moment }: Sums, runs: number): number[] {
  let explained = new Float64Array(count + 1);
  for (let to = 1; to <= count; to++) explained[to] = moment[to]! ** 2 / mass[to]!;
  let next = new Float64Array(count + 1);
  /** For each number of runs and each end, the best start of the last run. */
  const starts = [new Uint32Array(count + 1)];
  for (let run = 1; run < runs; run++) {
    const start = new Uint32Array(count + 1);
    const fewer = starts[run - 1]!;
    // Best starts rise with the end, so the ends low … high have theirs in from … to. A best start with one run less
    // before it (`fewer`) is a lower bound as well.
    const fill = (low: number, high: number, from: number, to: number): void => {
      if (low > high) return;
      const end = (low + high) >> 1;
      const allMass = mass[end]!;
      const allMoment = moment[end]!;
      let best = Number.NEGATIVE_INFINITY;
      let at = 0;
      for (let s = Math.max(from, fewer[end]!, run), least = Math.min(to, end - 1); s <= least; s++) {
        const own = allMoment - moment[s]!;
        const gain = explained[s]! + (own * own) / (allMass - mass[s]!);
        if (gain > best) {
          best = gain;
          at = s;
        }
      }
      next[end] = best;
      start[end] = at;
      fill(low, end - 1, from, at);
      fill(end + 1, high, at, to);
    };
    // The last run can only end with the last value.
    fill(run === runs - 1 ? count : run + 1, count, run, count);
    starts.push(start);
    const used = explained;
    explained = next;
    next = used;
  }
  const ends = [count];
  for (let run = runs - 1; run >= 0; run--) ends.unshift(starts[run]![ends[0]!]!);
  return ends;
}
