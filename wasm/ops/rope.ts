// Rotary position embedding, half-split pairs (i, i + D/2), in place.

export function rope(x: usize, heads: i32, D: i32, T: i32, stride: i32, table: usize): void {
  const half = <usize>(D << 1);
  for (let t = 0; t < T; t++) {
    let head = x;
    for (let h = 0; h < heads; h++) {
      for (let i: usize = 0; i < half; i += 16) {
        const a = v128.load(head + i);
        const b = v128.load(head + half + i);
        const cos = v128.load(table + i);
        const sin = v128.load(table + half + i);
        v128.store(head + i, f32x4.sub(f32x4.mul(a, cos), f32x4.mul(b, sin)));
        v128.store(head + half + i, f32x4.add(f32x4.mul(b, cos), f32x4.mul(a, sin)));
      }
      head += half << 1;
    }
    x += <usize>(stride << 2);
    table += half << 1;
  }
}
