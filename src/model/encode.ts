/** From the parts of quantised weights, as a quantiser yields them, to the blocks of a tensor (drawn in layouts.ts). */
import { CODES } from "./codes.ts";
import { OutriderError } from "./errors.ts";
import { numberToF16 } from "./f16.ts";
import {
  BLOCK_ROWS,
  type BlockFormat,
  type BlockParts,
  blockParts,
  denseBytes,
  keptColumns,
  paddedRows,
  type TensorLayout,
  WINDOW,
} from "./layouts.ts";

/**
 * What a matrix of `rows` × `cols` is made of. K is the number of columns that its blocks keep: cols · keep / 16.
 * Groups are 32 of these, the last perhaps shorter.
 */
export interface Parts {
  /** (rows, K): the code of each weight. */ readonly codes: ArrayLike<number>;
  /** (blocks, cols / 16, keep): the places in its window, 0 … 15 and rising, of the columns kept; if keep < 16. */
  readonly kept?: ArrayLike<number>;
  /** q4u, q8 (rows, groups): scales, rounded to f16. */ readonly d?: ArrayLike<number>;
  /** q4u (rows, groups): minima, rounded to f16. */ readonly m?: ArrayLike<number>;
  /** lut4 (rows, 16), lut3 (rows, 8): entries, 0 … 63. */ readonly codebooks?: ArrayLike<number>;
  /** lut4, lut3 (rows): value = a · entry + b. */ readonly a?: ArrayLike<number>;
  readonly b?: ArrayLike<number>;
  /** q2lut (4). */ readonly levels?: ArrayLike<number>;
  /** q2lut (rows): value = scale · level. */ readonly scales?: ArrayLike<number>;
}

export const MOST_ENTRY = 63;

interface Row {
  readonly view: DataView;
  /** First byte of the row's block. */ readonly block: number;
  readonly places: BlockParts;
  /** Of the matrix. */ readonly row: number;
  /** Of the block. */ readonly r: number;
  /** Columns in the tiles. */ readonly kept: number;
  /** Parts by name; throws `invalid_shape` unless there are so many. */
  readonly take: (name: "d" | "m" | "codebooks" | "a" | "b" | "levels" | "scales", count: number) => ArrayLike<number>;
  readonly rows: number;
}

/** Writes what a row has beside its codes, a row a format. */
const WRITE: { readonly [F in BlockFormat]: (row: Row) => void } = {
  q4u: (row) => {
    writeHalves(row, "d", 320, 256);
    writeHalves(row, "m", 320, 288);
  },
  q8: (row) => {
    writeHalves(row, "d", 576, 512);
    const { view, block, places, r, kept } = row;
    const bytes = new Uint8Array(view.buffer, view.byteOffset);
    for (let group = 0; group < kept / 32; group++) {
      let sum = 0;
      for (let k = 32 * group; k < 32 * group + 32; k++) sum += CODES.q8.read(bytes, block + places.tiles, r, k, kept);
      view.setInt16(tileOf(row, group, 576) + 544 + 2 * r, sum, true);
    }
  },
  lut4: (row) => writeCodebook(row, 16),
  lut3: (row) => writeCodebook(row, 8),
  q2lut(of) {
    const { view, block, places, row, r, take, rows } = of;
    const levels = take("levels", 4);
    for (let i = 0; i < 4; i++)
      view.setFloat32(block + places.codebook + 4 * i, finite(levels[i]!, "level", row), true);
    const scale = finite(take("scales", rows)[row]!, "scale", row);
    view.setFloat32(block + places.codebook + 16 + 4 * r, scale, true);
  },
};

const tileOf = ({ block, places }: Row, group: number, bytes: number): number => block + places.tiles + group * bytes;

function writeHalves(of: Row, name: "d" | "m", tileBytes: number, at: number): void {
  const { view, row, r, kept, take, rows } = of;
  const groups = kept / 32;
  const values = take(name, rows * groups);
  for (let group = 0; group < groups; group++) {
    const value = values[row * groups + group]!;
    const bits = numberToF16(value);
    if ((bits & 0x7c00) === 0x7c00)
      throw bad(`row ${row}, columns ${32 * group}…: ${name} ${value} does not fit a f16`);
    view.setUint16(tileOf(of, group, tileBytes) + at + 2 * r, bits, true);
  }
}

function writeCodebook({ view, block, places, row, r, take, rows }: Row, entries: number): void {
  const codebooks = take("codebooks", rows * entries);
  for (let i = 0; i < entries; i++) {
    const entry = codebooks[row * entries + i]!;
    if (!Number.isInteger(entry) || entry < 0 || entry > MOST_ENTRY) {
      throw bad(`row ${row}: codebook entry ${i} is ${entry}; entries are 0 … ${MOST_ENTRY}`);
    }
    view.setUint8(block + places.codebook + r * entries + i, entry);
  }
  const line = block + places.codebook + BLOCK_ROWS * entries + 4 * r;
  view.setFloat32(line, finite(take("a", rows)[row]!, "a", row), true);
  view.setFloat32(line + 64, finite(take("b", rows)[row]!, "b", row), true);
}

/**
 * The bytes of a tensor of any block format, without outliers. Padding rows and columns are zero bytes. Throws `invalid_shape` when a part has
 * not as many numbers as the layout wants, `bad_weights` naming row and column when one is out of its range.
 */
export function encodeTensor(layout: TensorLayout, parts: Parts): Uint8Array {
  const { format, rows, cols, keep = 16 } = layout;
  const places = blockParts(layout);
  const out = new Uint8Array(denseBytes(layout));
  const view = new DataView(out.buffer);
  const blocks = paddedRows(rows) / BLOCK_ROWS;
  const take = (name: keyof Parts, count: number): ArrayLike<number> => counted(parts[name], name, count, layout);

  if (keep !== 16) {
    const kept = take("kept", (blocks * cols * keep) / WINDOW);
    for (let block = 0; block < blocks; block++) writeKept(out, block * places.bytes, kept, block, cols, keep);
  }
  const own = (cols / WINDOW) * keep;
  const kept = keptColumns(layout);
  const place = CODES[format as BlockFormat];
  const codes = take("codes", rows * own);
  for (let row = 0; row < rows; row++) {
    const [block, r] = [Math.floor(row / BLOCK_ROWS) * places.bytes, row % BLOCK_ROWS];
    for (let k = 0; k < own; k++) {
      const code = codes[row * own + k]!;
      if (!Number.isInteger(code) || code < place.least || code > place.most) {
        throw bad(`row ${row}, kept column ${k}: code ${code}; ${format} has ${place.least} … ${place.most}`);
      }
      place.write(out, block + places.tiles, r, k, kept, code);
    }
    WRITE[format as BlockFormat]({ view, block, places, row, r, kept, take, rows });
  }
  return out;
}

function writeKept(
  out: Uint8Array,
  at: number,
  kept: ArrayLike<number>,
  block: number,
  cols: number,
  keep: number,
): void {
  const windows = cols / WINDOW;
  for (let window = 0; window < windows; window++) {
    let last = -1;
    for (let i = 0; i < keep; i++) {
      const place = kept[(block * windows + window) * keep + i]!;
      if (!Number.isInteger(place) || place <= last || place >= WINDOW) {
        throw bad(
          `block ${block}, columns ${window * WINDOW}…: place ${place} after ${last}; places rise within 0 … 15`,
        );
      }
      out[at + window * keep + i] = place;
      last = place;
    }
  }
}

function counted(
  part: ArrayLike<number> | undefined,
  name: string,
  count: number,
  { format, rows, cols }: TensorLayout,
): ArrayLike<number> {
  if (part?.length === count) return part;
  const got = part ? part.length : "none";
  throw new OutriderError("invalid_shape", `${rows} × ${cols} of ${format} take ${count} ${name}, got ${got}`);
}

function finite(value: number, name: string, row: number): number {
  if (!Number.isFinite(Math.fround(value))) throw bad(`row ${row}: ${name} ${value} is not a finite f32`);
  return value;
}

const bad = (message: string) => new OutriderError("bad_weights", message);
