// C (m, n) = A (m, k) · Bᵀ, or added to C, with B (n, k); the layout of blocks and panels after Goto and van de Geijn
// 2008. Panels of B stay in the first cache while a block of A streams from the second. The order of every sum depends
// on the shapes alone, never on who computes which part of C.
import { LEFT, packPanels, RIGHT } from "./pack";
import { tile } from "./tile";

// Columns of A and B that are packed at a time: a panel of B stays under 16 KiB.
@inline const DEPTH: i32 = 256;
// Rows of A that are packed at a time: 96 KiB.
@inline const LEFT_ROWS: i32 = 96;
// Rows of B that are packed at a time: 1 MiB.
@inline const RIGHT_ROWS: i32 = 1024;
@inline const TILE_BYTES: usize = <usize>(LEFT * RIGHT) << 2;

// Bytes that `work` of gemm needs.
export function gemmWorkBytes(): i32 {
  return ((LEFT_ROWS + RIGHT_ROWS) * DEPTH << 2) + <i32>TILE_BYTES;
}

// Steps are in bytes; of each factor one step is 4 (see pack.ts). The rows of C are contiguous, `cStep` apart.
export function gemm(
  m: i32, n: i32, k: i32,
  a: usize, aStep: usize, aDepthStep: usize,
  b: usize, bStep: usize, bDepthStep: usize,
  c: usize, cStep: usize, accumulate: i32, work: usize,
): void {
  const edge = work;
  const left = work + TILE_BYTES;
  const right = left + (<usize>(LEFT_ROWS * DEPTH) << 2);
  for (let k0 = 0; k0 < k; k0 += DEPTH) {
    const depth = min(DEPTH, k - k0);
    const add = accumulate | i32(k0 > 0);
    for (let n0 = 0; n0 < n; n0 += RIGHT_ROWS) {
      const width = min(RIGHT_ROWS, n - n0);
      packPanels(b + <usize>n0 * bStep + <usize>k0 * bDepthStep, bStep, bDepthStep, width, depth, RIGHT, right);
      for (let m0 = 0; m0 < m; m0 += LEFT_ROWS) {
        const height = min(LEFT_ROWS, m - m0);
        packPanels(a + <usize>m0 * aStep + <usize>k0 * aDepthStep, aStep, aDepthStep, height, depth, LEFT, left);
        multiplyPanels(left, right, height, width, depth, c + <usize>m0 * cStep + (<usize>n0 << 2), cStep, add, edge);
      }
    }
  }
}

function multiplyPanels(
  left: usize, right: usize, height: i32, width: i32, depth: i32, c: usize, cStep: usize, add: i32, edge: usize,
): void {
  const leftBytes = <usize>(LEFT * depth) << 2, rightBytes = <usize>(RIGHT * depth) << 2;
  for (let j = 0; j < width; j += RIGHT, right += rightBytes) {
    for (let i = 0, from = left; i < height; i += LEFT, from += leftBytes) {
      const at = c + <usize>i * cStep + (<usize>j << 2);
      const rows = min(LEFT, height - i), cols = min(RIGHT, width - j);
      const whole = rows == LEFT && cols == RIGHT;
      const to = whole ? at : edge, step = whole ? cStep : <usize>RIGHT << 2;
      tile(from, right, depth, to, step, add & i32(whole));
      if (!whole) storePart(edge, step, rows, cols, at, cStep, add);
    }
  }
}

function storePart(edge: usize, edgeStep: usize, rows: i32, cols: i32, c: usize, cStep: usize, add: i32): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      const at = c + <usize>i * cStep + (<usize>j << 2);
      const value = load<f32>(edge + <usize>i * edgeStep + (<usize>j << 2));
      store<f32>(at, add ? load<f32>(at) + value : value);
    }
  }
}
