// Index of the largest of n floats, the lowest index among equals.
import { max4 } from "../lib/reduce";

export function argmax(x: usize, n: i32): i32 {
  const whole = n & ~3;
  let peak = f32x4.splat(-Infinity);
  for (let k = 0; k < whole; k += 4) peak = f32x4.pmax(peak, v128.load(x + <usize>(k << 2)));
  let top = max4(peak);
  for (let k = whole; k < n; k++) top = max(top, load<f32>(x + <usize>(k << 2)));
  for (let k = 0; k < n; k++) if (load<f32>(x + <usize>(k << 2)) == top) return k;
  return 0;
}
