/**
 * Gradients of a float model against the golden ones of test/golden/make_gradients.py.
 */

/** Of a tensor: the norm of its gradients' sum, and at some places the sum and the sum of the squares. */
export interface GoldenGradient {
  readonly norm: number;
  readonly at: readonly number[];
  readonly sum: readonly number[];
  readonly squares: readonly number[];
}

/** How far ours are from the golden ones. */
export interface Distances {
  /** Of the norm of the worst tensor, relative. */
  readonly norm: number;
  /** Of the worst entry, by its size or its tensor's root mean square. */
  readonly entry: number;
  /**
   * Root mean square over all entries, each tensor by its norm, over that of the golden ones; the same of the squares.
   */
  readonly sums: number;
  readonly squares: number;
}

export interface OwnGradient {
  readonly sum: Float32Array;
  readonly squares: Float32Array;
}

type Pair = readonly [ours: number, theirs: number];

export function gradientDistances(
  golden: Readonly<Record<string, GoldenGradient>>,
  own: (tensor: string) => OwnGradient,
): Distances {
  let worstNorm = 0;
  let worstEntry = 0;
  const sums: Pair[] = [];
  const squares: Pair[] = [];
  for (const [name, { norm, at, sum, squares: squared }] of Object.entries(golden)) {
    const ours = own(name);
    const size = Math.sqrt(ours.sum.reduce((total, value) => total + value ** 2, 0));
    worstNorm = Math.max(worstNorm, Math.abs(size / norm - 1));
    const rms = norm / Math.sqrt(ours.sum.length);
    for (const [i, place] of at.entries()) {
      // An entry near zero is a difference of larger ones: its error is measured by its tensor.
      worstEntry = Math.max(worstEntry, Math.abs(ours.sum[place]! - sum[i]!) / Math.max(Math.abs(sum[i]!), rms));
      sums.push([ours.sum[place]! / norm, sum[i]! / norm]);
      squares.push([ours.squares[place]! / norm ** 2, squared[i]! / norm ** 2]);
    }
  }
  return { norm: worstNorm, entry: worstEntry, sums: distance(sums), squares: distance(squares) };
}

/** Root mean square of ours − theirs over that of theirs. */
function distance(pairs: readonly Pair[]): number {
  const sum = (of: (pair: Pair) => number) => pairs.reduce((total, pair) => total + of(pair) ** 2, 0);
  return Math.sqrt(sum(([ours, theirs]) => ours - theirs) / sum(([, theirs]) => theirs));
}
