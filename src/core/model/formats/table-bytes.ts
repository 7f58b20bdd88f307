/**
 * Bytes of the tables of one vector of `cols` activations: a f32 for each `group` of columns, padded to 16 bytes; an
 * int16 and `each` bytes of entries for each column; 16 more (wasm/lib/tables.ts).
 */
export const tableBytes =
  (group: number, each: number) =>
  (cols: number): number =>
    Math.ceil(cols / group / 4) * 16 + (2 + each) * cols + 16;
