// Addresses inside a head block of a KV page (drawn in src/core/kernels/abi.ts).

@inline export const PAGE_SHIFT: i32 = 5;
@inline export const PAGE_TOKENS: i32 = 32;
@inline export const PAGE_MASK: i32 = PAGE_TOKENS - 1;

@inline export function headBlockBytes(D: i32): usize {
  return <usize>(80 * D + 256);
}

@inline export function keyLows(D: i32): usize {
  return <usize>(32 * D);
}

@inline export function keyScales(D: i32): usize {
  return <usize>(48 * D);
}

@inline export function values(D: i32): usize {
  return <usize>(48 * D + 128);
}

@inline export function valueScales(D: i32): usize {
  return <usize>(80 * D + 128);
}

@inline export function pageOf(pages: usize, position: i32): usize {
  return <usize>load<u32>(pages + <usize>((position >> PAGE_SHIFT) << 2));
}
