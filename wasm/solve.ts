// C −= A·B in f64: nearly all the time of solving a layer (src/tools/compress/methods/subtract-product.ts). A module of its own,
// so that the service does not carry it. Products and sums may be fused.

const WIDTH: usize = 8; // bytes of a f64

// Four rows by six columns: twelve sums, three vectors of B and one number of A are what fits 16 registers.
// All row by row: C (rows, cols), A (rows, inner), B (inner, cols); rows a multiple of 4, cols of 6.
export function subtractProduct(c: usize, a: usize, b: usize, rows: i32, cols: i32, inner: i32): void {
  const across = <usize>cols * WIDTH, deep = <usize>inner * WIDTH;
  for (let j: usize = 0; j < across; j += 6 * WIDTH) {
    for (let i: usize = 0; i < <usize>rows; i += 4) {
      const r0 = c + i * across + j, r1 = r0 + across, r2 = r1 + across, r3 = r2 + across;
      let s00 = v128.load(r0), s01 = v128.load(r0, 16), s02 = v128.load(r0, 32);
      let s10 = v128.load(r1), s11 = v128.load(r1, 16), s12 = v128.load(r1, 32);
      let s20 = v128.load(r2), s21 = v128.load(r2, 16), s22 = v128.load(r2, 32);
      let s30 = v128.load(r3), s31 = v128.load(r3, 16), s32 = v128.load(r3, 32);
      const last = a + i * deep + deep;
      for (let p = a + i * deep, q = b + j; p < last; p += WIDTH, q += across) {
        const y0 = v128.load(q), y1 = v128.load(q, 16), y2 = v128.load(q, 32);
        let x = v128.load64_splat(p);
        s00 = f64x2.relaxed_nmadd(x, y0, s00);
        s01 = f64x2.relaxed_nmadd(x, y1, s01);
        s02 = f64x2.relaxed_nmadd(x, y2, s02);
        x = v128.load64_splat(p + deep);
        s10 = f64x2.relaxed_nmadd(x, y0, s10);
        s11 = f64x2.relaxed_nmadd(x, y1, s11);
        s12 = f64x2.relaxed_nmadd(x, y2, s12);
        x = v128.load64_splat(p + 2 * deep);
        s20 = f64x2.relaxed_nmadd(x, y0, s20);
        s21 = f64x2.relaxed_nmadd(x, y1, s21);
        s22 = f64x2.relaxed_nmadd(x, y2, s22);
        x = v128.load64_splat(p + 3 * deep);
        s30 = f64x2.relaxed_nmadd(x, y0, s30);
        s31 = f64x2.relaxed_nmadd(x, y1, s31);
        s32 = f64x2.relaxed_nmadd(x, y2, s32);
      }
      v128.store(r0, s00); v128.store(r0, s01, 16); v128.store(r0, s02, 32);
      v128.store(r1, s10); v128.store(r1, s11, 16); v128.store(r1, s12, 32);
      v128.store(r2, s20); v128.store(r2, s21, 16); v128.store(r2, s22, 32);
      v128.store(r3, s30); v128.store(r3, s31, 16); v128.store(r3, s32, 32);
    }
  }
}
