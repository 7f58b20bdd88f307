// Copies a part of a matrix into panels: `width` rows side by side, column after column, so that the inner loop of
// gemm.ts reads both factors straight on. The last panel is filled up with zeros.
//
// Element (row, k) lies at `from + row · rowStep + k · kStep` bytes, one of the two steps being 4: a matrix that is
// read along its rows is transposed on the way, one that is read across them is copied. So one inner loop serves X·Wᵀ,
// dY·W and dYᵀ·X.

// Rows of a panel of the left factor: a tile of 6 × 8 takes 15 registers.
@inline export const LEFT: i32 = 6;
@global @inline export const PANEL_8: i32 = 8;
@global @inline export const PANEL_16: i32 = 16;
// Rows of a panel of the right factor; `use` in wasm/asconfig.json chooses.
@inline export const RIGHT: i32 = PANEL;

export function packPanels(from: usize, rowStep: usize, kStep: usize, rows: i32, k: i32, width: i32, to: usize): void {
  for (let row = 0; row < rows; row += width) {
    const source = from + <usize>row * rowStep;
    const own = min(width, rows - row);
    if (own < width) packPart(source, rowStep, kStep, own, k, width, to);
    else if (kStep == 4) packAlong(source, rowStep, k, width, to);
    else packAcross(source, kStep, k, width, to);
    to += <usize>(k * width) << 2;
  }
}

// Of a matrix stored row by row: 4 × 4 at a time, then two rows more of a left panel.
function packAlong(from: usize, rowStep: usize, k: i32, width: i32, to: usize): void {
  const step = <usize>width << 2;
  const whole = k & ~3;
  const fours = width & ~3;
  for (let row = 0; row < fours; row += 4) {
    packFourRows(from + <usize>row * rowStep, rowStep, whole, step, to + (<usize>row << 2));
  }
  if (fours < width) packTwoRows(from + <usize>fours * rowStep, rowStep, whole, step, to + (<usize>fours << 2));
  for (let row = 0; row < width; row++) {
    for (let i = whole; i < k; i++) {
      store<f32>(to + <usize>i * step + (<usize>row << 2), load<f32>(from + <usize>row * rowStep + (<usize>i << 2)));
    }
  }
}

@inline function packFourRows(from: usize, rowStep: usize, k: i32, step: usize, to: usize): void {
  for (let i = 0; i < k; i += 4, from += 16, to += 4 * step) {
    const a = v128.load(from), b = v128.load(from + rowStep);
    const c = v128.load(from + 2 * rowStep), d = v128.load(from + 3 * rowStep);
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7), cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2));
    v128.store(to + step, v128.shuffle<i64>(ab, cd, 1, 3));
    v128.store(to + 2 * step, v128.shuffle<i64>(abHigh, cdHigh, 0, 2));
    v128.store(to + 3 * step, v128.shuffle<i64>(abHigh, cdHigh, 1, 3));
  }
}

@inline function packTwoRows(from: usize, rowStep: usize, k: i32, step: usize, to: usize): void {
  for (let i = 0; i < k; i += 4, from += 16, to += 4 * step) {
    const a = v128.load(from), b = v128.load(from + rowStep);
    const low = v128.shuffle<f32>(a, b, 0, 4, 1, 5), high = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    v128.store64_lane(to, low, 0);
    v128.store64_lane(to + step, low, 1);
    v128.store64_lane(to + 2 * step, high, 0);
    v128.store64_lane(to + 3 * step, high, 1);
  }
}

// Of the transposed matrix: what belongs together lies together.
function packAcross(from: usize, kStep: usize, k: i32, width: i32, to: usize): void {
  if (width == RIGHT) {
    for (let i = 0; i < k; i++, from += kStep, to += RIGHT << 2) {
      const a = v128.load(from), b = v128.load(from, 16);
      v128.store(to, a);
      v128.store(to, b, 16);
      if (RIGHT == PANEL_8) continue;
      const c = v128.load(from, 32), d = v128.load(from, 48);
      v128.store(to, c, 32);
      v128.store(to, d, 48);
    }
  } else {
    for (let i = 0; i < k; i++, from += kStep, to += 24) {
      v128.store(to, v128.load(from));
      store<u64>(to, load<u64>(from, 16), 16);
    }
  }
}

function packPart(from: usize, rowStep: usize, kStep: usize, rows: i32, k: i32, width: i32, to: usize): void {
  for (let i = 0; i < k; i++) {
    for (let row = 0; row < width; row++, to += 4) {
      store<f32>(to, row < rows ? load<f32>(from + <usize>row * rowStep + <usize>i * kStep) : 0);
    }
  }
}
