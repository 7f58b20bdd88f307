// Byte lookup in a table of sixteen. An index is 0 … 15; what others give differs between engines.
@inline export function lookup(table: v128, index: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(table, index) : i8x16.swizzle(table, index);
}
