/** The one pass gives the bytes of rounding and encoding, and refuses what they refuse. */
import { expect, test } from "vitest";
import { q8Tiles } from "../../src/tools/compress/rounding/q8-tiles.ts";
import { roundedTensor } from "../../src/tools/compress/rounding/tensors.ts";
import { seeded } from "../support/random.ts";

test.each([
  [1, 32],
  [16, 64],
  [37, 96],
])("%d × %d", (rows, cols) => {
  const random = seeded(rows);
  const values = Float32Array.from({ length: rows * cols }, (_, n) => {
    const group = Math.floor(n / 32);
    if (group % 7 === 0) return 0;
    // From values that f16's smallest scales lose to the largest that fit.
    return (random() - 0.5) * 10 ** ((group % 14) - 8) * (n % 5 === 0 ? -1 : 1);
  });
  values[rows * cols - 1] = 65504 * 127;
  const { bytes } = roundedTensor({ format: "q8", rows, cols }, values);
  expect(Buffer.from(q8Tiles(values, rows, cols)).equals(bytes)).toBe(true);
});

test("a scale that does not fit is refused with its row", () => {
  const values = new Float32Array(64).fill(1e9, 40);
  expect(() => q8Tiles(values, 2, 32, 100)).toThrow("row 101, columns 0…: a scale of");
});
