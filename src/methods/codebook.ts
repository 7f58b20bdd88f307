/**
 * Non-uniform quantisation of one output row: the codebook that is nearest to its weights, by k-means. SqueezeLLM (Kim et al.
 * 2023, arXiv 2306.07629), section 4.1, equation 4, where each weight's error counts by its sensitivity. In one dimension
 * clusters are runs of sorted weights, so the best ones can be found exactly, by dynamic programming over where runs end
 * (Wang and Song 2011, Ckmeans.1d.dp); that the best end never moves back makes it n · log n a level.
 */

/** Sorted values that differ and count, as sums over all before each place. */
interface Sums {
  readonly count: number;
  /** (count + 1): Σ sensitivity. */
  readonly mass: Float64Array;
  /** (count + 1): Σ sensitivity · value. */
  readonly moment: Float64Array;
}

/** Most values of one codebook with sensitivities: a place of a value has to fit a double beside its 32 bits. */
const MOST_PLACES = 2 ** 21;

export interface Codebook {
  /** Ascending. */
  readonly centroids: Float32Array;
  /** Σ sensitivity of the values of each. */
  readonly masses: Float64Array;
}

/**
 * At most `levels` centroids of `values` under `sensitivities` (as long as values, none negative; all 1 when
 * absent or all zero). Fewer different values than levels are their own centroids.
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

/** Sorts numbers made of a value's bits, in their order, and its place: a sort without a function that compares. */
function sumWeighted(values: Float32Array, sensitivities: Float32Array): Sums {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const keys = new Float64Array(values.length);
  for (let at = 0; at < keys.length; at++) {
    const own = bits[at]!;
    keys[at] = (own >>> 31 ? ~own >>> 0 : own + 2 ** 31) * MOST_PLACES + at;
  }
  keys.sort();
  for (let n = 0; n < keys.length; n++) keys[n] = keys[n]! % MOST_PLACES;
  return sumRising(
    keys.length,
    (n) => values[keys[n]!]!,
    (n) => sensitivities[keys[n]!]!,
  );
}

/** Values that are equal lie in one run of the best, and those that do not count in any: neither takes a place. */
function sumRising(length: number, value: (n: number) => number, weight: (n: number) => number): Sums {
  const [mass, moment] = [new Float64Array(length + 1), new Float64Array(length + 1)];
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
 * Where the `runs` runs begin and end, 0 first and the count last, for the least error: the squares of all values less what
 * their runs' means explain, moment² / mass, which is to be greatest.
 */
function bestEnds({ count, mass, moment }: Sums, runs: number): number[] {
  let explained = new Float64Array(count + 1);
  for (let to = 1; to <= count; to++) explained[to] = moment[to]! ** 2 / mass[to]!;
  let next = new Float64Array(count + 1);
  /** By run, by its end: where it starts. */
  const starts = [new Uint32Array(count + 1)];
  for (let run = 1; run < runs; run++) {
    const start = new Uint32Array(count + 1);
    const fewer = starts[run - 1]!;
    // Between two ends whose best starts are known lie the best starts of all ends between; nor does one more run before
    // move a start back.
    const fill = (low: number, high: number, from: number, to: number): void => {
      if (low > high) return;
      const end = (low + high) >> 1;
      const [allMass, allMoment] = [mass[end]!, moment[end]!];
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
    [explained, next] = [next, explained];
  }
  const ends = [count];
  for (let run = runs - 1; run >= 0; run--) ends.unshift(starts[run]![ends[0]!]!);
  return ends;
}
