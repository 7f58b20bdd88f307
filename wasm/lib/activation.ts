// Offsets inside the 15-bit activation record that src/kernels/abi.ts draws.

@inline export const GROUP: i32 = 32;

@inline export function sumsOffset(): usize {
  return 16;
}

@inline export function pairsOffset(n: i32): usize {
  return <usize>(16 + (((n >> 5) + 3) >> 2) * 16);
}

@inline export function hiOffset(n: i32): usize {
  return pairsOffset(n) + <usize>(n << 1);
}

@inline export function loOffset(n: i32): usize {
  return hiOffset(n) + <usize>n;
}

@inline export function recordBytes(n: i32): usize {
  return hiOffset(n) + <usize>(n << 1);
}
