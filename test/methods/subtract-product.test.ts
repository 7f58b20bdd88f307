/** Products of parts of matrices against the definition, for sizes that fill no tile and no strip. */
import { expect, test } from "vitest";
import { normal, seeded } from "../support/random.ts";
import { products } from "./products.ts";

test.each([
  [1, 1, 1],
  [4, 6, 32],
  [37, 71, 5],
  [70, 193, 33],
])("(%i, inner) and %i columns, %i inner", (rows, cols, inner) => {
  const random = seeded(rows);
  const draw = (count: number) => Float64Array.from({ length: count }, () => normal(random));
  const [c, b] = [draw(3 + rows * (cols + 2)), draw(7 + inner * (cols + 1))];
  // A both ways round.
  for (const [row, col] of [
    [inner + 4, 1],
    [1, rows + 3],
  ] as const) {
    const a = draw(2 + rows * row + inner * col);
    const wanted = c.slice();
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) {
        for (let n = 0; n < inner; n++) {
          wanted[3 + i * (cols + 2) + j]! -= a[2 + i * row + n * col]! * b[7 + n * (cols + 1) + j]!;
        }
      }
    }
    const made = c.slice();
    products.subtract(
      { values: made, at: 3, row: cols + 2, col: 1 },
      { values: a, at: 2, row, col },
      { values: b, at: 7, row: cols + 1, col: 1 },
      rows,
      cols,
      inner,
    );
    for (const [at, value] of wanted.entries()) expect(Math.abs(made[at]! - value)).toBeLessThan(1e-12);
  }
});
