/**
 * Numbers that a kernel takes, by what they stand for. At run time each is a number. The kinds exclude each other, so
 * that two addresses that change places do not compile; a bare number fits any kind.
 */
declare const KIND: unique symbol;

type Of<Kind extends string> = number & { readonly [KIND]?: Kind };

/** Address of f32 values. */
export type Floats = Of<"floats">;
/** Address of activation records (abi.ts). */
export type Records = Of<"records">;
/** Address of the blocks of a matrix (model/layouts.ts). */
export type Blocks = Of<"blocks">;
/** Address of a table of outliers (model/layouts.ts). */
export type OutlierTables = Of<"outlier tables">;
/** Address of a KV page (abi.ts). */
export type Pages = Of<"pages">;
/** Address of a KV page as it is stored. */
export type PagesAtRest = Of<"pages at rest">;
/** Address of an int32 array with the addresses of KV pages. */
export type PageTable = Of<"page table">;
/** Address of int32 positions, or numbers of pages. */
export type Positions = Of<"positions">;
/** Address of u32 token ids. */
export type TokenIds = Of<"token ids">;
/** Address of memory that a kernel writes for itself. */
export type Workspace = Of<"workspace">;
/** A number of bytes. */
export type Bytes = Of<"bytes">;

/** The address of the f32 that comes `count` after the one at `from`. */
export const floatsAfter = (from: Floats, count: number): Floats => from + 4 * count;
