/**
 * Blocks of each format against the drawing in layouts.ts, which this file follows on its own, and what encoders
 * refuse.
 */
import { describe, expect, test } from "vitest";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { encodeTensor } from "../../src/core/model/encode.ts";
import { THREE_BOOKS, TWO_BOOKS } from "../../src/core/model/formats/books.ts";
import { THREE_CHAINED, TWO_CHAINED } from "../../src/core/model/formats/chained-books.ts";
import type { Parts } from "../../src/core/model/formats/parts.ts";
import type { BlockFormat } from "../../src/core/model/formats.ts";
import type { Keep, TensorLayout } from "../../src/core/model/layouts.ts";
import { seeded } from "../support/random.ts";

const f32 = Math.fround;
/** f16 holds these exactly. */
const sixteenth = (random: () => number): number => Math.round(random() * 64 - 32) / 16;
const fill = (n: number, value: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => value(i));

const RANGE = {
  q4u: [0, 15],
  q8: [-128, 127],
  lut4: [0, 15],
  lut3: [0, 7],
  q2lut: [0, 3],
  q2had: [0, 3],
  q3had: [0, 7],
  q2add: [0, 255],
  q3add: [0, 4095],
  q2tcq: [0, 255],
  q3tcq: [0, 4095],
} as const;
/** Formats whose rows share four levels. */
const hasLevels = (format: string): boolean => format === "q2lut" || format === "q2had";
/** Formats whose products are looked up. */
const isDense = (format: string): boolean => hasLevels(format) || format === "q3had" || isAdditive(format);
const isRotated = (format: string): boolean => format.endsWith("had") || isAdditive(format);
/** Formats whose columns share a code by fours. */
const isAdditive = (format: string): boolean => format in BOOKS;
const BOOKS: Record<string, typeof TWO_BOOKS> = {
  q2add: TWO_BOOKS,
  q3add: THREE_BOOKS,
  q2tcq: TWO_CHAINED,
  q3tcq: THREE_CHAINED,
};
const ENTRIES = { lut4: 16, lut3: 8 } as const;

/** Parts with every code in use. */
function randomParts({ format, rows, cols, keep = 16 }: TensorLayout, seed: number): Parts {
  const random = seeded(seed);
  const own = (cols / 16) * keep;
  const groups = Math.ceil(own / 32);
  const [least, most] = RANGE[format as BlockFormat];
  const kept = fill((Math.ceil(rows / 16) * cols) / 16, () => 0).flatMap(() => {
    const places = fill(16, (place) => place + 100 * random());
    const chosen = [...places.keys()].sort((a, b) => places[a]! - places[b]!).slice(0, keep);
    return chosen.sort((a, b) => a - b);
  });
  const codes = fill(rows * own, () => least + Math.floor(random() * (most - least + 1)));
  return {
    codes: isAdditive(format) ? codes.map((_, at) => codes[at - (at % 4)]!) : codes,
    ...(keep < 16 && { kept }),
    ...((format === "q4u" || format === "q8") && { d: fill(rows * groups, () => sixteenth(random)) }),
    ...(format === "q4u" && { m: fill(rows * groups, () => sixteenth(random)) }),
    ...((format === "lut4" || format === "lut3") && {
      codebooks: fill(rows * ENTRIES[format], () => Math.floor(random() * 64)),
      a: fill(rows, () => random()),
      b: fill(rows, () => -random()),
    }),
    ...(hasLevels(format) && { levels: [-1.5, -0.5, 0.5, 1.5] }),
    ...(isDense(format) && { scales: fill(rows, () => random()) }),
  };
}

/** What the parts stand for, by the formulas. */
function valuesOf({ format, rows, cols, keep = 16 }: TensorLayout, parts: Parts): Float32Array {
  const out = new Float32Array(rows * cols);
  const own = (cols / 16) * keep;
  const groups = Math.ceil(own / 32);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < own; k++) {
      const code = parts.codes[row * own + k]!;
      const [window, i] = [Math.floor(k / keep), k % keep];
      const place = parts.kept ? parts.kept[((row >> 4) * (cols / 16) + window) * keep + i]! : i;
      const group = row * groups + (k >> 5);
      let value: number;
      if (format === "q4u") value = code * parts.d![group]! + parts.m![group]!;
      else if (format === "q8") value = code * parts.d![group]!;
      else if (hasLevels(format)) value = f32(parts.scales![row]!) * parts.levels![code]!;
      else if (format === "q3had") value = f32(parts.scales![row]!) * (code - 3.5);
      else if (isAdditive(format)) value = f32(parts.scales![row]!) * sumOfEntries(format, parts.codes, row * own, k);
      else {
        const entry = parts.codebooks![row * ENTRIES[format as "lut4"] + code]!;
        value = f32(f32(parts.a![row]!) * entry) + f32(parts.b![row]!);
      }
      out[row * cols + window * 16 + place] = value;
    }
    if (isRotated(format)) rotatePlainly(out.subarray(row * cols, (row + 1) * cols));
  }
  return out;
}

/**
 * The entries that the hexadecimal digits of a column's code name, the last digit in the first book; in a chain those
 * of the code before it as well, in their last four columns.
 */
function sumOfEntries(format: string, codes: ArrayLike<number>, row: number, k: number): number {
  const { books } = BOOKS[format]!;
  const entriesOf = (code: number, column: number): number[] =>
    [...code.toString(16).padStart(books.length, "0")]
      .reverse()
      .map((digit) => Number.parseInt(digit, 16))
      .map((n, at) => (n < 8 ? 1 : -1) * books[at]![n % 8]![column]!);
  const isChained = books[0]![0]!.length === 8;
  const entries = [
    ...entriesOf(codes[row + k]!, k % 4),
    ...(isChained && k >= 4 ? entriesOf(codes[row + k - 4]!, 4 + (k % 4)) : []),
  ];
  return entries.reduce((sum, entry) => sum + entry) / 128;
}

/** Each 64 columns times H/8, by the product itself: H[i][k] is −1 where i and k share an odd number of bits. */
function rotatePlainly(row: Float32Array): void {
  const before = row.slice();
  const parity = (bits: number): number => [...bits.toString(2)].filter((bit) => bit === "1").length % 2;
  for (let k = 0; k < row.length; k++) {
    const first = k - (k % 64);
    let sum = 0;
    for (let i = 0; i < 64; i++) sum += (parity(i & (k % 64)) ? -1 : 1) * before[first + i]!;
    row[k] = sum / 8;
  }
}

const inTwoBits = (bytes: Uint8Array, _cols: number, r: number, k: number): number => {
  const byte = bytes[Math.floor(k / 4) * 16 + (r < 8 ? 2 * r : 2 * (r - 8) + 1)]!;
  const pair = k % 4 < 2 ? byte % 16 : byte >> 4;
  return k % 2 ? pair >> 2 : pair & 3;
};

/** The code of (row, k) of a dense matrix, read as layouts.ts draws it. */
type Drawn = (bytes: Uint8Array, cols: number, r: number, k: number) => number;

const twoDigits: Drawn = (bytes, _cols, r, k) => bytes[Math.floor(k / 4) * 16 + (r < 8 ? 2 * r : 2 * (r - 8) + 1)]!;

const threeDigits: Drawn = (bytes, _cols, r, k) => {
  const own = Math.floor(k / 8) * 48 + (r < 8 ? 2 * r : 2 * (r - 8) + 1);
  const second = k % 8 >= 4;
  const third = bytes[own + 32]!;
  return bytes[own + (second ? 16 : 0)]! + 256 * (second ? Math.floor(third / 16) : third % 16);
};

const DRAWN: Record<BlockFormat, Drawn> = {
  q4u(bytes, _cols, r, k) {
    const tile = Math.floor(k / 32) * 320;
    const byte = bytes[tile + Math.floor((k % 32) / 8) * 64 + r * 4 + (k % 4)]!;
    return k % 8 < 4 ? byte % 16 : byte >> 4;
  },
  q8(bytes, _cols, r, k) {
    const tile = Math.floor(k / 32) * 576;
    const byte = bytes[tile + Math.floor((k % 32) / 4) * 64 + r * 4 + (k % 4)]!;
    return byte < 128 ? byte : byte - 256;
  },
  lut4(bytes, cols, r, k) {
    const row = (Math.floor(r / 2) * (cols / 64) + Math.floor(k / 64)) * 64 + (r % 2) * 32;
    const byte = bytes[row + (k % 64 < 32 ? 0 : 16) + (k % 16)]!;
    return k % 32 < 16 ? byte % 16 : byte >> 4;
  },
  lut3(bytes, cols, r, k) {
    const pair = (Math.floor(r / 2) * (cols / 64) + Math.floor(k / 64)) * 48;
    const odd = r % 2;
    const own = bytes[pair + 16 * odd + (k % 16)]!.toString(2).padStart(8, "0");
    const both = bytes[pair + 32 + (k % 16)]!.toString(2).padStart(8, "0");
    if (k % 64 < 16) return Number.parseInt(own.slice(5), 2);
    if (k % 64 < 32) return Number.parseInt(own.slice(2, 5), 2);
    if (k % 64 < 48) return Number.parseInt(odd ? both.slice(2, 5) : both.slice(5), 2);
    return Number.parseInt(both[odd ? 0 : 1]! + own.slice(0, 2), 2);
  },
  q2lut: inTwoBits,
  q2had: inTwoBits,
  q3had(bytes, cols, r, k) {
    const eight = bytes.subarray(Math.floor(k / 8) * 48);
    const lowest = eight[32 + (r < 8 ? 2 * r : 2 * (r - 8) + 1)]!.toString(2).padStart(8, "0");
    return 2 * inTwoBits(eight, cols, r, k % 8) + Number(lowest[7 - (k % 8)]);
  },
  q2add: twoDigits,
  q3add: threeDigits,
  q2tcq: twoDigits,
  q3tcq: threeDigits,
};

const FORMATS = Object.keys(DRAWN) as BlockFormat[];

describe.each(FORMATS)("%s", (format) => {
  test("a code lies where its format draws it", () => {
    const layout = { format, rows: 16, cols: 192 };
    const parts = randomParts(layout, 3);
    const bytes = encodeTensor(layout, parts);
    for (let r = 0; r < 16; r++) {
      for (let k = 0; k < 192; k++) expect(DRAWN[format](bytes, 192, r, k)).toBe(parts.codes[r * 192 + k]);
    }
  });

  const layouts: TensorLayout[] = [
    { format, rows: 16, cols: 64 },
    { format, rows: 37, cols: 192 },
  ];
  if (!isDense(format)) {
    for (const keep of [4, 8, 12] as Keep[]) layouts.push({ format, rows: 21, cols: 96, keep });
  }

  test.each(layouts)("%j decodes to the values of its parts", (layout) => {
    const parts = randomParts(layout, layout.rows);
    const decoded = decodeTensor(layout, encodeTensor(layout, parts));
    const expected = valuesOf(layout, parts);
    // Sums of 64 values are rounded in another order.
    if (isRotated(format)) for (const [at, value] of expected.entries()) expect(decoded[at]).toBeCloseTo(value, 5);
    else expect(decoded).toEqual(expected);
  });

  test("a code out of range is refused with its place", () => {
    const layout = { format, rows: 2, cols: 64 };
    const parts = randomParts(layout, 1);
    const codes = [...(parts.codes as number[])];
    const [least, most] = RANGE[format];
    codes[64 + 5] = most + 1;
    expect(() => encodeTensor(layout, { ...parts, codes })).toThrow(
      `row 1, kept column 5: code ${most + 1}; ${format} has ${least} … ${most}`,
    );
  });

  test("parts of another number are refused", () => {
    const layout = { format, rows: 2, cols: 64 };
    expect(() => encodeTensor(layout, { ...randomParts(layout, 1), codes: [1, 2] })).toThrow(
      `2 × 64 of ${format} take 128 codes, got 2`,
    );
    expect(() => encodeTensor({ ...layout, keep: 8 }, randomParts(layout, 1))).toThrow(
      isDense(format) ? "use keep 16" : "take 32 kept, got none",
    );
    expect(() => decodeTensor(layout, new Uint8Array(3))).toThrow(`2 × 64 in ${format} are`);
  });
});

describe("where the parts of a block lie", () => {
  const parts = randomParts({ format: "lut4", rows: 16, cols: 64, keep: 8 }, 8);
  const bytes = encodeTensor({ format: "lut4", rows: 16, cols: 64, keep: 8 }, parts);
  const view = new DataView(bytes.buffer);
  // 4 windows of 8 places; 16 rows × 64 columns (32 kept, the rest padding) of half a byte; 16 × 16 entries; a, b.
  const [tiles, codebook, a] = [32, 32 + 512, 32 + 512 + 256];

  test("index, tiles, codebook, a, b follow each other", () => {
    expect(bytes.length).toBe(a + 128);
    expect([...bytes.subarray(0, 32)]).toEqual(parts.kept);
    expect(DRAWN.lut4(bytes.subarray(tiles), 64, 3, 9)).toBe(parts.codes[3 * 32 + 9]);
    expect([...bytes.subarray(codebook, a)]).toEqual(parts.codebooks);
    expect(view.getFloat32(a + 4 * 7, true)).toBe(f32(parts.a![7]!));
    expect(view.getFloat32(a + 64 + 4 * 7, true)).toBe(f32(parts.b![7]!));
  });

  test("q2lut: levels, then scales", () => {
    const layout: TensorLayout = { format: "q2lut", rows: 20, cols: 32 };
    const q2 = randomParts(layout, 2);
    const second = new DataView(encodeTensor(layout, q2).buffer, 128 + 80 + 128);
    expect(fill(4, (i) => second.getFloat32(4 * i, true))).toEqual(q2.levels);
    expect(second.getFloat32(16 + 4 * 3, true)).toBe(f32(q2.scales![19]!));
  });
});

describe("numbers that no block holds are refused with their place", () => {
  const refused = (layout: TensorLayout, change: (parts: Parts) => Partial<Parts>, message: string): void => {
    const parts = randomParts(layout, 5);
    expect(() => encodeTensor(layout, { ...parts, ...change(parts) })).toThrow(message);
  };

  test("scales, entries, levels", () => {
    refused(
      { format: "q4u", rows: 2, cols: 64 },
      () => ({ m: [0, 1e6, 0, 0] }),
      "row 0, columns 32…: m 1000000 does not fit",
    );
    refused({ format: "q8", rows: 1, cols: 32 }, () => ({ d: [Number.NaN] }), "row 0, columns 0…: d NaN does not fit");
    const books = (entry: number) => () => ({ codebooks: fill(16, (i) => (i === 11 ? entry : 0)) });
    refused({ format: "lut3", rows: 2, cols: 64 }, books(64), "row 1: codebook entry 3 is 64; entries are 0 … 63");
    refused({ format: "lut3", rows: 2, cols: 64 }, books(0.5), "entries are 0 … 63");
    refused({ format: "lut4", rows: 1, cols: 64 }, () => ({ a: [1e39] }), "row 0: a 1e+39 is not a finite f32");
    expect(() => encodeTensor({ format: "q2had", rows: 1, cols: 96 }, { codes: fill(96, () => 0) })).toThrow(
      "q2had needs columns in multiples of 64, got 96",
    );
    refused({ format: "q2lut", rows: 1, cols: 32 }, () => ({ levels: [0, 0, 0, Number.NaN] }), "level NaN");
  });

  test("kept columns", () => {
    const sparse: TensorLayout = { format: "q4u", rows: 1, cols: 32, keep: 4 };
    refused(sparse, () => ({ kept: [0, 1, 2, 3, 0, 5, 5, 6] }), "block 0, columns 16…: index 5 after 5; indices rise");
    refused(sparse, () => ({ kept: [0, 1, 2, 16, 0, 1, 2, 3] }), "index 16 after 2");
  });
});
