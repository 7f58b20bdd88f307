// out[t][r] (+)= Σ_k (a · codebook[code] + b)[r][k] · x[t][k]: a codebook per row, after SqueezeLLM (Kim et al. 2023,
// arXiv 2306.07629, §4.1), whose entries are bytes of 0 … 63 so that a lookup gives the unsigned operand of a byte dot
// product.
//
//   row = a · dot + b · Σx,  dot = Σ entry · q exact in four int32 lanes (≤ 63 · 8192 · 16384 / 4 < 2^31),
//
// lane l holding the columns with (k & 15) >> 2 = l, summed as f32: (0 + 2) + (1 + 3). Σx adds the record's groups in
// order.
//
// W, an @unmanaged class without fields, describes how the weights of 2 rows × 64 columns lie:
//
//   pairBytes()                       bytes of them
//   entries()                         of a codebook
//   one(tile, row), two(tile, row)    the loads that a row (0 or 1) needs
//   code(one, two, row, n)            codes of its columns 16n … 16n + 15
//   codeAt(tile, row, k)              the code of its column k
import { planeOffset, recordBytes, scaleOf, sumsOffset } from "../lib/activation";
import { dotFourHigh, dotTwo, shared } from "../lib/dot";
import { lookup } from "../lib/lookup";
import { storeRows } from "../lib/rows";

// Bytes from a row's a to its b (src/core/model/formats/row-codebooks.ts).
@inline const LINE_STEP: usize = 64;

// Σ of a whole vector's integers.
@inline function total<P>(x: usize, cols: i32): f32 {
  let at = x + sumsOffset<P>(cols);
  const end = at + <usize>(cols >> 3);
  let sum: f32 = 0;
  for (; at < end; at += 4) sum += load<f32>(at);
  return sum;
}

// Lanes of two rows' sums → (p0 + p2, p1 + p3, q0 + q2, q1 + q3).
@inline function fold(p: v128, q: v128): v128 {
  p = f32x4.convert_i32x4_s(p);
  q = f32x4.convert_i32x4_s(q);
  return f32x4.add(i64x2.shuffle(p, q, 0, 2), i64x2.shuffle(p, q, 1, 3));
}

@inline function foldAll(p: v128, q: v128): v128 {
  return f32x4.add(i32x4.shuffle(p, q, 0, 2, 4, 6), i32x4.shuffle(p, q, 1, 3, 5, 7));
}

@inline function joined<P>(hi: v128, lo: v128): v128 {
  return sizeof<P>() == 2 && !shared() ? i32x4.add(i32x4.shl(hi, 7), lo) : lo;
}

// Four products of the plane at `x`.
@inline function high(acc: v128, x: usize, w0: v128, w1: v128, w2: v128, w3: v128): v128 {
  return dotFourHigh(acc, v128.load(x), w0, v128.load(x, 16), w1, v128.load(x, 32), w2, v128.load(x, 48), w3);
}

@inline function low(acc: v128, x: usize, w0: v128, w1: v128, w2: v128, w3: v128): v128 {
  return dotTwo(dotTwo(acc, v128.load(x), w0, v128.load(x, 16), w1), v128.load(x, 32), w2, v128.load(x, 48), w3);
}

@unmanaged
export class Lut<W, P> {
  @inline book(books: usize, row: i32): v128 {
    const at = books + <usize>(row * changetype<W>(0).entries());
    return changetype<W>(0).entries() == 16 ? v128.load(at) : v128.load64_zero(at);
  }

  @inline weight(book: v128, one: v128, two: v128, row: i32, n: i32): v128 {
    return lookup(book, changetype<W>(0).code(one, two, row, n));
  }

  // Two rows, the digit behind h and l, share each load of the activation; h is the plane hi, l the plane lo.
  @inline pair(plane: usize, tile: usize, book0: v128, book1: v128, cols: i32): v128 {
    const W0 = changetype<W>(0);
    const lo = sizeof<P>() == 2 ? <usize>cols : 0;
    let h0 = i32x4.splat(0), h1 = i32x4.splat(0), l0 = i32x4.splat(0), l1 = i32x4.splat(0);
    const end = plane + <usize>cols;
    for (; plane < end; plane += 64) {
      const p1 = W0.one(tile, 0), p2 = W0.two(tile, 0), q1 = W0.one(tile, 1), q2 = W0.two(tile, 1);
      let w0 = this.weight(book0, p1, p2, 0, 0), w1 = this.weight(book0, p1, p2, 0, 1);
      let w2 = this.weight(book0, p1, p2, 0, 2), w3 = this.weight(book0, p1, p2, 0, 3);
      if (sizeof<P>() == 2) {
        if (shared()) l0 = high(l0, plane, w0, w1, w2, w3);
        else h0 = high(h0, plane, w0, w1, w2, w3);
      }
      l0 = low(l0, plane + lo, w0, w1, w2, w3);
      w0 = this.weight(book1, q1, q2, 1, 0), w1 = this.weight(book1, q1, q2, 1, 1);
      w2 = this.weight(book1, q1, q2, 1, 2), w3 = this.weight(book1, q1, q2, 1, 3);
      if (sizeof<P>() == 2) {
        if (shared()) l1 = high(l1, plane, w0, w1, w2, w3);
        else h1 = high(h1, plane, w0, w1, w2, w3);
      }
      l1 = low(l1, plane + lo, w0, w1, w2, w3);
      tile += W0.pairBytes();
    }
    return fold(joined<P>(h0, l0), joined<P>(h1, l1));
  }

  one(x: usize, tile: usize, rowsLeft: i32, cols: i32, out: usize, accumulate: i32): void {
    const pairBytes = <usize>(cols >> 6) * changetype<W>(0).pairBytes();
    const books = tile + (pairBytes << 3);
    const lines = books + <usize>(changetype<W>(0).entries() << 4);
    const plane = x + planeOffset<P>(cols);
    const sum = total<P>(x, cols);
    for (let r = 0; r < 16 && r < rowsLeft; r += 4) {
      const p = this.pair(plane, tile, this.book(books, r), this.book(books, r + 1), cols);
      tile += pairBytes;
      const q = this.pair(plane, tile, this.book(books, r + 2), this.book(books, r + 3), cols);
      tile += pairBytes;
      this.store(foldAll(p, q), lines, r, sum, scaleOf<P>(x), rowsLeft, out, accumulate);
    }
  }

  // Four rows' dots → a · dot + b · Σx.
  @inline store(
    dots: v128, lines: usize, r: i32, sum: f32, scale: f32, rowsLeft: i32, out: usize, accumulate: i32,
  ): void {
    const at = lines + <usize>(r << 2);
    const line = f32x4.add(f32x4.mul(v128.load(at), dots), f32x4.mul(v128.load(at, LINE_STEP), f32x4.splat(sum)));
    storeRows(out + <usize>(r << 2), line, scale, rowsLeft - r, accumulate);
  }

  // A row against four tokens: a b c d are the tokens 0 … 3 in the plane lo, or in both planes where they share an
  // accumulator, e f g h the same tokens in the plane hi.
  @inline row(x: usize, tile: usize, book: v128, row: i32, cols: i32): v128 {
    const W0 = changetype<W>(0);
    const record = recordBytes(cols);
    let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0), d = i32x4.splat(0);
    let e = a, f = b, g = c, h = d;
    let plane = x + planeOffset<P>(cols);
    const end = plane + <usize>cols;
    for (; plane < end; plane += 64) {
      const one = W0.one(tile, row), two = W0.two(tile, row);
      const w0 = this.weight(book, one, two, row, 0), w1 = this.weight(book, one, two, row, 1);
      const w2 = this.weight(book, one, two, row, 2), w3 = this.weight(book, one, two, row, 3);
      let y = plane;
      if (sizeof<P>() == 2) {
        if (shared()) {
          a = high(a, y, w0, w1, w2, w3);
          b = high(b, y + record, w0, w1, w2, w3);
          c = high(c, y + record * 2, w0, w1, w2, w3);
          d = high(d, y + record * 3, w0, w1, w2, w3);
        } else {
          e = high(e, y, w0, w1, w2, w3);
          f = high(f, y + record, w0, w1, w2, w3);
          g = high(g, y + record * 2, w0, w1, w2, w3);
          h = high(h, y + record * 3, w0, w1, w2, w3);
        }
        y += <usize>cols;
      }
      a = low(a, y, w0, w1, w2, w3);
      b = low(b, y + record, w0, w1, w2, w3);
      c = low(c, y + record * 2, w0, w1, w2, w3);
      d = low(d, y + record * 3, w0, w1, w2, w3);
      tile += W0.pairBytes();
    }
    return foldAll(fold(joined<P>(e, a), joined<P>(f, b)), fold(joined<P>(g, c), joined<P>(h, d)));
  }

  four(x: usize, tile: usize, rowsLeft: i32, cols: i32, out: usize, stride: usize, accumulate: i32): void {
    const pairBytes = <usize>(cols >> 6) * changetype<W>(0).pairBytes();
    const books = tile + (pairBytes << 3);
    const lines = books + <usize>(changetype<W>(0).entries() << 4);
    const record = recordBytes(cols);
    const s0 = total<P>(x, cols), s1 = total<P>(x + record, cols);
    const s2 = total<P>(x + record * 2, cols), s3 = total<P>(x + record * 3, cols);
    for (let r = 0; r < 16 && r < rowsLeft; r += 4) {
      let p = i32x4.splat(0), q = p, u = p, v = p;
      for (let pair = r; pair < r + 4; pair += 2) {
        p = u;
        q = v;
        u = this.row(x, tile, this.book(books, pair), 0, cols);
        v = this.row(x, tile, this.book(books, pair + 1), 1, cols);
        tile += pairBytes;
      }
      const pq = i32x4.shuffle(p, q, 0, 4, 1, 5), PQ = i32x4.shuffle(p, q, 2, 6, 3, 7);
      const uv = i32x4.shuffle(u, v, 0, 4, 1, 5), UV = i32x4.shuffle(u, v, 2, 6, 3, 7);
      let to = out;
      this.store(i64x2.shuffle(pq, uv, 0, 2), lines, r, s0, scaleOf<P>(x), rowsLeft, to, accumulate);
      to += stride;
      this.store(i64x2.shuffle(pq, uv, 1, 3), lines, r, s1, scaleOf<P>(x + record), rowsLeft, to, accumulate);
      to += stride;
      this.store(i64x2.shuffle(PQ, UV, 0, 2), lines, r, s2, scaleOf<P>(x + record * 2), rowsLeft, to, accumulate);
      to += stride;
      this.store(i64x2.shuffle(PQ, UV, 1, 3), lines, r, s3, scaleOf<P>(x + record * 3), rowsLeft, to, accumulate);
    }
  }
}

// Row r of a block as f32: a · codebook[code] + b, with the code of each column.
@inline export function lutRow<W>(block: usize, r: i32, cols: i32, out: usize): void {
  const W0 = changetype<W>(0);
  const pairBytes = W0.pairBytes();
  const entries = W0.entries();
  const strip = <usize>(cols >> 6) * pairBytes;
  let tile = block + strip * (r >> 1);
  const books = block + (strip << 3);
  const book = books + <usize>(r * entries);
  const lines = books + <usize>((entries << 4) + (r << 2));
  const a = load<f32>(lines), b = load<f32>(lines, LINE_STEP);
  for (let g = 0; g < cols; g += 64) {
    for (let k = 0; k < 64; k++) {
      const code = W0.codeAt(tile, r & 1, k);
      store<f32>(out, a * <f32>load<u8>(book + code) + b);
      out += 4;
    }
    tile += pairBytes;
  }
}
