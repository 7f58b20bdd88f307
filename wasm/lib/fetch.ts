// Brings the head blocks of KV pages into the near caches before they are read: the weights of a layer have pushed them
// out since the last step. Every line of 64 bytes is touched. What is written to `sink` depends on all that is read, or
// the reads would be left out.
import { pageOf } from "./page";

// Positions of eight pages.
@inline export const EIGHT_PAGES: i32 = 256;

@inline export function fetch(at: usize, bytes: usize, sink: usize): void {
  let seen = i32x4.splat(0);
  const end = at + bytes;
  for (; at < end; at += 64) seen = v128.or(seen, v128.load(at));
  v128.store(sink, seen);
}

// The blocks of eight pages, a line of each in turn: so many misses are under way at once.
@inline export function fetchEight(pages: usize, start: i32, blockOffset: usize, bytes: usize, sink: usize): void {
  const a = pageOf(pages, start) + blockOffset;
  const b = pageOf(pages, start + 32) + blockOffset;
  const c = pageOf(pages, start + 64) + blockOffset;
  const d = pageOf(pages, start + 96) + blockOffset;
  const e = pageOf(pages, start + 128) + blockOffset;
  const f = pageOf(pages, start + 160) + blockOffset;
  const g = pageOf(pages, start + 192) + blockOffset;
  const h = pageOf(pages, start + 224) + blockOffset;
  let seen = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 64) {
    const ab = v128.or(v128.load(a + i), v128.load(b + i));
    const cd = v128.or(v128.load(c + i), v128.load(d + i));
    const ef = v128.or(v128.load(e + i), v128.load(f + i));
    const gh = v128.or(v128.load(g + i), v128.load(h + i));
    seen = v128.or(seen, v128.or(v128.or(ab, cd), v128.or(ef, gh)));
  }
  v128.store(sink, seen);
}
