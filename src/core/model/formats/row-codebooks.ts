/**
 * What lut4 and lut3 share, after SqueezeLLM (Kim et al. 2023, arXiv 2306.07629, §4.1): a codebook for each row, value
 * = a[row] · codebook[row][code] + b[row]. A block's codebook is 16 rows × `entries` bytes of 0 … 63, then 16 × f32 a,
 * then 16 × f32 b.
 *
 * Entries have six bits, a step of a 63rd of the row's span: with them two products of bytes fit 16 bits twice over,
 * which is what a CPU without an int8 dot product needs.
 */
import { BLOCK_ROWS, type BlockRow, type RowShare } from "./format.ts";
import { badWeights, finite, MOST_ENTRY, type RowParts } from "./parts.ts";

/** Facts of a format with a codebook for each row. */
export interface RowCodebooks {
  /** Bytes of 2 rows × 64 columns. */
  readonly pairBytes: number;
  /** Entries of a row's codebook. */
  readonly entries: number;
}

const f32 = Math.fround;

/** Byte of a block's codebook at which the 16 f32 a start. */
export const linesAt = ({ entries }: RowCodebooks): number => BLOCK_ROWS * entries;

/** Bytes from a row's a to its b. */
export const LINE_STEP = 4 * BLOCK_ROWS;

/** Bytes of a block's codebook. */
export const codebookBytes = (facts: RowCodebooks): number => linesAt(facts) + 2 * LINE_STEP;

/** Writes a row's entries, a and b. */
export function writeCodebook(
  { view, codebook, r }: BlockRow,
  { row, rows, take }: RowParts,
  facts: RowCodebooks,
): void {
  const { entries } = facts;
  const codebooks = take("codebooks", rows * entries);
  for (let i = 0; i < entries; i++) {
    const entry = codebooks[row * entries + i]!;
    if (!Number.isInteger(entry) || entry < 0 || entry > MOST_ENTRY) {
      throw badWeights(`row ${row}: codebook entry ${i} is ${entry}; entries are 0 … ${MOST_ENTRY}`);
    }
    view.setUint8(codebook + r * entries + i, entry);
  }
  const line = codebook + linesAt(facts) + 4 * r;
  view.setFloat32(line, finite(take("a", rows)[row]!, "a", row), true);
  view.setFloat32(line + LINE_STEP, finite(take("b", rows)[row]!, "b", row), true);
}

/** The value of each code of a row. */
export function codebookValues({ view, codebook, r }: BlockRow, facts: RowCodebooks): (code: number) => number {
  const line = codebook + linesAt(facts) + 4 * r;
  const a = view.getFloat32(line, true);
  const b = view.getFloat32(line + LINE_STEP, true);
  return (code) => f32(f32(a * view.getUint8(codebook + r * facts.entries + code)) + b);
}

/** What each row has in a codebook that starts at byte `codebook` of its block. */
export function codebookShares(codebook: number, facts: RowCodebooks): RowShare[] {
  const lines = codebook + linesAt(facts);
  return [
    { at: codebook, bytes: facts.entries },
    { at: lines, bytes: 4 },
    { at: lines + LINE_STEP, bytes: 4 },
  ];
}
