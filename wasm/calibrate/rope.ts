// Rotary position embedding in place, channel i turned with i + size / 2 (Su et al. 2021, arXiv 2104.09864). Row t is
// at position t; `cos` and `sin` are (rows, size / 2). With sign −1 it turns back, which is its gradient.
export function rotate(
  x: usize, heads: i32, size: i32, rows: i32, step: usize, cos: usize, sin: usize, sign: f32,
): void {
  const half = <usize>size << 1;
  const turn = f32x4.splat(sign);
  for (; rows > 0; rows--, x += step, cos += half, sin += half) {
    for (let head = 0, at = x; head < heads; head++, at += 2 * half) {
      for (let i: usize = 0; i < half; i += 16) {
        const a = v128.load(at + i), b = v128.load(at + half + i);
        const c = v128.load(cos + i), s = f32x4.mul(v128.load(sin + i), turn);
        v128.store(at + i, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
        v128.store(at + half + i, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)));
      }
    }
  }
}
