// Bytes of a q8 tile (drawn in src/core/model/formats/q8.ts): weights, then sixteen d, then the sums of sixteen rows.
@inline export const TILE: usize = 576;
@inline export const D: usize = 512;
@inline export const SUMS: usize = 544;
