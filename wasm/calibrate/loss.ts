// Cross-entropy and Kullback–Leibler divergence over logits that come a slice of columns at a time, so that a whole
// row of the vocabulary never lies in memory. Each row has a state of three f64 that the slices update (Milakov and
// Gimelshein 2018, arXiv 1805.02867); whoever starts sets the first to −∞ and the rest to 0. Rows lie `step` bytes
// apart and have room for a multiple of four columns.
import { atLeastMinus60, exp4 } from "../lib/exp";
import { max4, sum4 } from "../lib/reduce";

@inline const STATE: usize = 24;
@inline const NONE: f32 = -1e30;

@inline function vectorBytes(row: usize, cols: i32): usize {
  const padded = (cols + 3) & ~3;
  for (let j = cols; j < padded; j++) store<f32>(row + (<usize>j << 2), NONE);
  return <usize>padded << 2;
}

@inline function largest(row: usize, bytes: usize): f32 {
  let most = v128.load(row);
  for (let i: usize = 16; i < bytes; i += 16) most = f32x4.pmax(most, v128.load(row + i));
  return max4(most);
}

// What a sum of exponentials is multiplied by when their maximum rises from `old` to `top`.
@inline function rescale(old: f64, top: f64): f64 {
  return <f64>f32x4.extract_lane(exp4(atLeastMinus60(f32x4.splat(<f32>(old - top)))), 0);
}

// State: the largest logit, Σ e^(logit − largest), the first column with the largest.
export function logSumSlice(logits: usize, step: usize, rows: i32, cols: i32, firstColumn: i32, state: usize): void {
  for (; rows > 0; rows--, logits += step, state += STATE) {
    const bytes = vectorBytes(logits, cols);
    const old = load<f64>(state), most = <f64>largest(logits, bytes);
    if (most > old) {
      let at: usize = 0;
      while (<f64>load<f32>(logits + at) != most) at += 4;
      store<f64>(state, most);
      store<f64>(state, load<f64>(state, 8) * rescale(old, most), 8);
      store<f64>(state, <f64>(firstColumn + <i32>(at >> 2)), 16);
    }
    const top = f32x4.splat(<f32>max(old, most));
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) {
      sum = f32x4.add(sum, exp4(atLeastMinus60(f32x4.sub(v128.load(logits + i), top))));
    }
    store<f64>(state, load<f64>(state, 8) + <f64>sum4(sum), 8);
  }
}

// State: the largest logit p, Σ e^(p − largest), Σ e^(p − largest) · (p − q): with the log-sums of both, KL(p ‖ q).
export function crossSlice(p: usize, q: usize, step: usize, rows: i32, cols: i32, state: usize): void {
  for (; rows > 0; rows--, p += step, q += step, state += STATE) {
    const bytes = vectorBytes(p, cols);
    vectorBytes(q, cols);
    const old = load<f64>(state), most = max(old, <f64>largest(p, bytes));
    const scale = rescale(old, most);
    const top = f32x4.splat(<f32>most);
    let sum = f32x4.splat(0), cross = sum;
    for (let i: usize = 0; i < bytes; i += 16) {
      const a = v128.load(p + i);
      const e = exp4(atLeastMinus60(f32x4.sub(a, top)));
      sum = f32x4.add(sum, e);
      cross = f32x4.relaxed_madd(e, f32x4.sub(a, v128.load(q + i)), cross);
    }
    store<f64>(state, most);
    store<f64>(state, load<f64>(state, 8) * scale + <f64>sum4(sum), 8);
    store<f64>(state, load<f64>(state, 16) * scale + <f64>sum4(cross), 16);
  }
}

// Turns a row's logits into scale · softmax, from its finished state.
@inline function softmaxSlice(row: usize, cols: i32, scale: f32, state: usize): void {
  const bytes = vectorBytes(row, cols);
  const top = f32x4.splat(<f32>load<f64>(state)), factor = f32x4.splat(<f32>(<f64>scale / load<f64>(state, 8)));
  for (let i: usize = 0; i < bytes; i += 16) {
    const e = exp4(atLeastMinus60(f32x4.sub(v128.load(row + i), top)));
    v128.store(row + i, f32x4.mul(e, factor));
  }
}

// Turns logits into the gradient of scale · cross-entropy: scale · (softmax − 1 at the row's target), from the finished
// states of logSumSlice. targets (rows) are columns of the whole vocabulary, i32.
export function lossSlice(
  logits: usize, step: usize, rows: i32, cols: i32, firstColumn: i32, targets: usize, scale: f32, state: usize,
): void {
  for (; rows > 0; rows--, logits += step, state += STATE, targets += 4) {
    softmaxSlice(logits, cols, scale, state);
    const own = load<i32>(targets) - firstColumn;
    if (own >= 0 && own < cols) {
      const at = logits + (<usize>own << 2);
      store<f32>(at, load<f32>(at) - scale);
    }
  }
}
