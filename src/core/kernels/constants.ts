/**
 * Vectors that the kernels load where other compilers would name a constant: sixteen bytes each, from address 0, in
 * this order. wasm/lib/constants.ts has a function of each name that loads it; test/kernels/constants.test.ts compares
 * the two.
 */
import { type Books, CODE_COLS, ENTRY_UNIT, THREE_BOOKS, TWO_BOOKS } from "../model/formats/books.ts";

/** A vector of these words, or of one four times. */
const words = (...values: number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from({ length: 4 }, (_, i) => values[i % values.length]!).buffer);

/** A vector of eight equal 16-bit integers. */
const shorts = (value: number): Uint8Array => new Uint8Array(new Int16Array(8).fill(value).buffer);

/** A vector of four 16-bit integers, twice. */
const fourTwice = (...values: number[]): Uint8Array => new Uint8Array(Int16Array.of(...values, ...values).buffer);

const bytes = (value: number): Uint8Array => new Uint8Array(16).fill(value);

/** A vector of four equal floats. */
const floats = (value: number): Uint8Array => new Uint8Array(new Float32Array(4).fill(value).buffer);

/** The bytes of the int16 `a`, four times, then those of the int16 `b`: what picks them out of a vector. */
const pickTwo = (a: number, b: number): Uint8Array =>
  Uint8Array.from({ length: 16 }, (_, at) => 2 * (at < 8 ? a : b) + (at % 2));

/**
 * For each book, and each of a code's columns, the eight entries that it says: as 16-bit integers that a
 * product of 15 fractional bits reads in their unit.
 */
function entriesOf(name: string, all: Books): Record<string, Uint8Array> {
  return Object.fromEntries(
    all.books.flatMap((book, at) =>
      Array.from({ length: CODE_COLS }, (_, column) => {
        const own = book.map((entry) => (entry[column]! * 2 ** 15) / ENTRY_UNIT);
        return [`${name}${CODE_COLS * at + column}`, new Uint8Array(Int16Array.from(own).buffer)];
      }),
    ),
  );
}

export const CONSTANTS: Readonly<Record<string, Uint8Array>> = {
  nibbles: bytes(15),
  // What is left of a f16 that was sign-extended and shifted into place.
  halfBits: words(0x8fffe000),
  // The distance between the exponents of f16 and f32.
  rebias: floats(2 ** 112),
  ones16: shorts(1),
  hundreds16: shorts(128),
  pairs: bytes(3),
  fours: bytes(4),
  ones: bytes(1),
  bias: bytes(64),
  // Next to it the last bit of a float counts ones (wasm/lib/round.ts).
  magic: floats(1.5 * 2 ** 23),
  sixty: floats(60),
  minusSixty: floats(-60),
  log2e: floats(Math.LOG2E),
  // The polynomial of wasm/lib/exp.ts, the highest power first.
  expCoefficient0: floats(1.32647272e-3),
  expCoefficient1: floats(9.67151264e-3),
  expCoefficient2: floats(5.550733743e-2),
  expCoefficient3: floats(0.2402224209),
  expCoefficient4: floats(0.6931469776),
  one: floats(1),
  triples: bytes(7),
  lanes: words(0, 1, 2, 3),
  // The two factors of `mix` in model/noise.ts.
  mixA: words(0x21f0aaad),
  mixB: words(0xd35a2d97),
  // The line of `gumbelBound` in wasm/lib/noise.ts.
  gumbelTop: floats(158 * Math.LN2),
  gumbelSlope: floats(Math.LN2 / 2 ** 23),
  // Of wasm/matmul/q2had.ts and q3had.ts, down to the end: 32 and a half, 8 bits up.
  middle16: shorts(32 * 256 + 128),
  columns0: pickTwo(0, 2),
  columns1: pickTwo(1, 3),
  columns2: pickTwo(4, 6),
  columns3: pickTwo(5, 7),
  codes0: pickTwo(0, 1),
  codes1: pickTwo(2, 3),
  codes2: pickTwo(4, 5),
  codes3: pickTwo(6, 7),
  middle54: shorts(54 * 256 + 128),
  middle18: shorts(18 * 512 + 256),
  odds: fourTwice(-3, -1, 1, 3),
  signs0: fourTwice(-1, 1, -1, 1),
  signs1: fourTwice(-1, -1, 1, 1),
  // Of wasm/matmul/q2add.ts and q3add.ts.
  ...entriesOf("twoBooks", TWO_BOOKS),
  ...entriesOf("threeBooks", THREE_BOOKS),
  middle47: shorts(47 * 256 + 128),
  middle41: shorts(41 * 256 + 128),
  middle36: shorts(36 * 256 + 128),
};

const VECTORS = Object.values(CONSTANTS);

/** Bytes at the start of a kernels' memory that belong to the constants: whole cache lines. */
export const CONSTANT_BYTES = Math.ceil(VECTORS.length / 4) * 64;

/** Writes the constants to a memory; whoever makes the memory does so before the first call. */
export function writeConstants(memory: WebAssembly.Memory): void {
  for (const [n, vector] of VECTORS.entries()) new Uint8Array(memory.buffer, 16 * n, 16).set(vector);
}
