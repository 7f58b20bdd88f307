/**
 * Blocks of each format against the drawing in layouts.ts, which this file follows on its own, and what encoders
 * refuse.
 */
import { describe, expect, test } from "vitest";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { encodeTensor } from "../../src/core/model/encode.ts";
import { THREE_BOOKS, TWO_BOOKS } from "../../src/core/model/formats/books.ts";
import type { Parts } from "../../src/core/model/formats/parts.ts";
import type { BlockFormat } from "../../src/core/model/formats.ts";
import type { TensorLayout } from "../../src/core/model/layouts.ts";
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
  q2had: [0, 3],
  q3had: [0, 7],
  q2add: [0, 255],
  q3add: [0, 4095],
} as const;
const isRotated = (format: string): boolean => format.endsWith("had") || isAdditive(format);
/** Formats whose columns share a code by fours. */
const isAdditive = (format: string): boolean => format in BOOKS;
const BOOKS: Record<string, typeof TWO_BOOKS> = {
  q2add: TWO_BOOKS,
  q3add: THREE_BOOKS,
};
const ENTRIES = { lut4: 16, lut3: 8 } as const;

/** Parts with every code in use. */
function randomParts({ format, rows, cols }: TensorLayout, seed: number): Parts {
  const random = seeded(seed);
  const groups = Math.ceil(cols / 32);
  const [least, most] = RANGE[format as BlockFormat];
  const codes = fill(rows * cols, () => least + Math.floor(random() * (most - least + 1)));
  return {
    codes: isAdditive(format) ? codes.map((_, at) => codes[at - (at % 4)]!) : codes,
    ...((format === "q4u" || format === "q8") && { d: fill(rows * groups, () => sixteenth(random)) }),
    ...(format === "q4u" && { m: fill(rows * groups, () => sixteenth(random)) }),
    ...((format === "lut4" || format === "lut3") && {
      codebooks: fill(rows * ENTRIES[format], () => Math.floor(random() * 64)),
      a: fill(rows, () => random()),
      b: fill(rows, () => -random()),
    }),
    ...(format === "q2had" && { levels: [-1.5, -0.5, 0.5, 1.5] }),
    ...(isRotated(format) && { scales: fill(rows, () => random()) }),
  };
}

/** What the parts stand for, by the formulas. */
function valuesOf({ format, rows, cols }: TensorLayout, parts: Parts): Float32Array {
  const out = new Float32Array(rows * cols);
  const groups = Math.ceil(cols / 32);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < cols; k++) {
      const code = parts.codes[row * cols + k]!;
      const group = row * groups + (k >> 5);
      let value: number;
      if (format === "q4u") value = code * parts.d![group]! + parts.m![group]!;
      else if (format === "q8") value = code * parts.d![group]!;
      else if (format === "q2had") value = f32(parts.scales![row]!) * parts.levels![code]!;
      else if (format === "q3had") value = f32(parts.scales![row]!) * (code - 3.5);
      else if (isAdditive(format)) value = f32(parts.scales![row]!) * sumOfEntries(format, parts.codes, row * cols, k);
      else {
        const entry = parts.codebooks![row * ENTRIES[format as "lut4"] + code]!;
        value = f32(f32(parts.a![row]!) * entry) + f32(parts.b![row]!);
      }
      out[row * cols + k] = value;
    }
    if (isRotated(format)) rotatePlainly(out.subarray(row * cols, (row + 1) * cols));
  }
  return out;
}

/** The entries that the hexadecimal digits of a column's code name, the last digit in the first book. */
function sumOfEntries(format: string, codes: ArrayLike<number>, row: number, k: number): number {
  const { books } = BOOKS[format]!;
  const entries = [...codes[row + k]!.toString(16).padStart(books.length, "0")]
    .reverse()
    .map((digit) => Number.parseInt(digit, 16))
    .map((n, at) => (n < 8 ? 1 : -1) * books[at]![n % 8]![k % 4]!);
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
  q2had: inTwoBits,
  q3had(bytes, cols, r, k) {
    const eight = bytes.subarray(Math.floor(k / 8) * 48);
    const lowest = eight[32 + (r < 8 ? 2 * r : 2 * (r - 8) + 1)]!.toString(2).padStart(8, "0");
    return 2 * inTwoBits(eight, cols, r, k % 8) + Number(lowest[7 - (k % 8)]);
  },
  q2add: twoDigits,
  q3add: threeDigits,
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
      `row 1, column 5: code ${most + 1}; ${format} has ${least} … ${most}`,
    );
  });

  test("parts of another number are refused", () => {
    const layout = { format, rows: 2, cols: 64 };
    expect(() => encodeTensor(layout, { ...randomParts(layout, 1), codes: [1, 2] })).toThrow(
      `2 × 64 of ${format} take 128 codes, got 2`,
    );
    expect(() => decodeTensor(layout, new Uint8Array(3))).toThrow(`2 × 64 in ${format} are`);
  });
});

describe("where the parts of a block lie", () => {
  test("lut4: tiles, codebook, a, b", () => {
    const layout: TensorLayout = { format: "lut4", rows: 16, cols: 64 };
    const parts = randomParts(layout, 8);
    const bytes = encodeTensor(layout, parts);
    const view = new DataView(bytes.buffer);
    // 16 rows × 64 columns of half a byte; 16 × 16 entries; a, b.
    const [codebook, a] = [512, 512 + 256];
    expect(bytes.length).toBe(a + 128);
    expect([...bytes.subarray(codebook, a)]).toEqual(parts.codebooks);
    expect(view.getFloat32(a + 4 * 7, true)).toBe(f32(parts.a![7]!));
    expect(view.getFloat32(a + 64 + 4 * 7, true)).toBe(f32(parts.b![7]!));
  });

  test("q2had: levels, then scales", () => {
    const layout: TensorLayout = { format: "q2had", rows: 20, cols: 64 };
    const parts = randomParts(layout, 2);
    const second = new DataView(encodeTensor(layout, parts).buffer, 256 + 80 + 256);
    expect(fill(4, (i) => second.getFloat32(4 * i, true))).toEqual(parts.levels);
    expect(second.getFloat32(16 + 4 * 3, true)).toBe(f32(parts.scales![19]!));
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
    refused({ format: "q2had", rows: 1, cols: 64 }, () => ({ levels: [0, 0, 0, Number.NaN] }), "level NaN");
  });
});
