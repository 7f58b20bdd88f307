/** The layer of test/golden/make_layers.py and what its numpy methods made of it. */
import { readFileSync } from "node:fs";
import type { Pattern } from "../../src/tools/compress/methods/masks.ts";
import { seeded } from "../support/random.ts";

export const [ROWS, COLS, TOKENS] = [48, 160, 400];

const random = seeded(2024);
const bell = (): number => random() + random() + random() - 1.5;

export const weights = Float32Array.from({ length: ROWS * COLS }, bell);
const sizes = Float64Array.from({ length: COLS }, () => random() * random() * 4 + 0.1);
/** (TOKENS, COLS). Column 37 is always zero. */
export const inputs = new Float64Array(TOKENS * COLS);
for (let t = 0; t < TOKENS; t++) {
  let last = 0;
  for (let k = 0; k < COLS; k++) {
    last = 0.8 * last + bell();
    inputs[t * COLS + k] = k === 37 ? 0 : last * sizes[k]!;
  }
}
export const fisher = Float32Array.from({ length: ROWS * COLS }, () => random() * random() * random() * random());

/** 2 / TOKENS · Σ x xᵀ (COLS, COLS). */
export const hessian = Float64Array.from({ length: COLS * COLS }, (_, at) => {
  let sum = 0;
  for (let t = 0; t < TOKENS; t++) sum += inputs[t * COLS + Math.floor(at / COLS)]! * inputs[t * COLS + (at % COLS)]!;
  return (2 / TOKENS) * sum;
});

/** Σ x² (COLS). */
export const squares = Float64Array.from({ length: COLS }, (_, k) => {
  let sum = 0;
  for (let t = 0; t < TOKENS; t++) sum += inputs[t * COLS + k]! ** 2;
  return sum;
});

export const PATTERNS: readonly (readonly [string, Pattern])[] = [
  ["matrix 50%", { per: "matrix", sparsity: 0.5 }],
  ["row 60%", { per: "row", sparsity: 0.6 }],
  ["2:4", { per: "group", zeros: 2, of: 4 }],
  ["4:8", { per: "group", zeros: 4, of: 8 }],
];

interface Golden {
  readonly kept: string;
  readonly weights: string;
  readonly error: number;
}

const golden = JSON.parse(readFileSync(new URL("../golden/layers.json", import.meta.url), "utf8"));

/** What the reference has under `name`, numbers as they are. */
export const goldenOf = (name: string) => golden[name];

/** (ROWS, COLS), 1 where a weight stays. */
export function goldenKept(name: string): Uint8Array {
  const bytes = Buffer.from((golden[name] as Golden).kept, "base64");
  return Uint8Array.from({ length: ROWS * COLS }, (_, at) => (bytes[at >> 3]! >> (7 - (at & 7))) & 1);
}

/** Every eighth row. */
export function goldenWeights(name: string): Float32Array {
  const bytes = Buffer.from((golden[name] as Golden).weights, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** Largest difference between every eighth row of `values` and the reference's weights. */
export function differenceToGolden(values: Float32Array, name: string): number {
  let largest = 0;
  for (const [at, value] of goldenWeights(name).entries()) {
    const own = values[Math.floor(at / COLS) * 8 * COLS + (at % COLS)]!;
    largest = Math.max(largest, Math.abs(own - value));
  }
  return largest;
}
