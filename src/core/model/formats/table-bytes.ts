/**
 * Bytes of the tables of one vector of `cols` activations: a f32 for each `group` of columns, padded to 16 bytes; an
 * int16 for each column of a group and for the `ahead` columns behind it; `each` bytes of entries for each column; 16
 * more (wasm/lib/tables.ts).
 */
export const tableBytes =
  (group: number, each: number, ahead = 0) =>
  (cols: number): number =>
    Math.ceil(cols / group / 4) * 16 + (2 * (group + ahead) * cols) / group + each * cols + 16;
