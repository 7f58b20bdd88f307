/** The bytes of forms as they are counted, held against the real heap of a process of its own. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";

const FORMS = 14;

interface Measured {
  readonly most: number;
  readonly kinds: Readonly<Record<string, { readonly counted: number; readonly grown: number }>>;
  readonly row: { readonly forms: number; readonly refused: number; readonly counted: number; readonly grown: number };
}

let measured: Measured;
beforeAll(() => {
  const script = join(import.meta.dirname, "heap.ts");
  measured = JSON.parse(execFileSync(process.execPath, ["--expose-gc", script, `${FORMS}`], { encoding: "utf8" }));
});

test("what is counted is what the heap grows by", () => {
  // What a small one takes is lost among what the runtime itself keeps.
  const large = Object.entries(measured.kinds).filter(([, { grown }]) => grown > 900_000);
  expect(large.length).toBeGreaterThanOrEqual(4);
  for (const [name, { counted, grown }] of large) {
    expect(counted / grown, name).toBeGreaterThan(0.8);
    expect(counted / grown, name).toBeLessThan(1.6);
  }
});

test("hostile forms in a row take no more than the bound", () => {
  const { most, row } = measured;
  expect(row).toMatchObject({ forms: FORMS, refused: FORMS / 7 });
  expect(row.counted).toBeLessThanOrEqual(most);
  expect(row.grown).toBeLessThanOrEqual(1.1 * most);
  // All together they would take more.
  expect(Object.values(measured.kinds).reduce((sum, { grown }) => sum + 2 * grown, 0)).toBeGreaterThan(1.5 * most);
});
