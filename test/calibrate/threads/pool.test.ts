/** What a pool does when a part of a task fails. */
import { afterAll, expect, test } from "vitest";
import { denseBytes, type TensorLayout } from "../../../src/core/model/layouts.ts";
import type { RoundTask } from "../../../src/tools/compress/calibrate/tasks/round.ts";
import { Pool } from "../../../src/tools/compress/calibrate/threads/pool.ts";
import { seeded } from "../../support/random.ts";

const pool = await Pool.open(2);
afterAll(() => pool[Symbol.asyncDispose]());

/** Takes a thread some tenths of a second. */
const LARGE: TensorLayout = { format: "lut4", rows: 128, cols: 2048 };
const SMALL: TensorLayout = { format: "lut4", rows: 16, cols: 64 };
const OUTSIDE = 2 ** 33;

type Matrix = RoundTask["matrices"][number];

/** A matrix of random values, and room for what it is rounded to. */
function matrix(layout: TensorLayout): Matrix {
  const count = layout.rows * layout.cols;
  const [values, sensitivities] = [pool.arena.allocate(4 * count), pool.arena.allocate(4 * count)];
  const random = seeded(count);
  pool.arena.floats(values, count).forEach((_, at, floats) => void (floats[at] = random() - 0.5));
  pool.arena.floats(sensitivities, count).fill(1);
  return { layout, values, sensitivities, out: pool.arena.allocate(denseBytes(layout)) };
}

const bytesOf = ({ layout, out }: Matrix) => Uint8Array.from(pool.arena.bytesAt(out, denseBytes(layout)));
const rounded = (matrices: Matrix[]) => pool.run({ kind: "round", matrices }, matrices.length);

test("a run rejects when no thread works on it any more, and the next one is whole", async () => {
  const small = [matrix(SMALL), matrix(SMALL)];
  const large = [matrix(LARGE), matrix(LARGE), matrix(LARGE)];
  // The threads are up, and what they will find is known.
  await rounded([...small, large[0]!]);
  const [known, wanted] = [bytesOf(large[0]!), bytesOf(small[0]!)];
  for (const { layout, out } of [...small, ...large]) pool.arena.bytesAt(out, denseBytes(layout)).fill(0);

  const failing = [large[0]!, { ...small[0]!, values: OUTSIDE }, large[1]!, large[2]!];
  await expect(rounded(failing)).rejects.toMatchObject({ code: "worker_failed" });
  const left = large.map(bytesOf);
  // The part beside the failed one was ended, and no further part was begun.
  expect(left.map((bytes) => bytes.some((byte) => byte !== 0))).toEqual([true, false, false]);
  expect(left[0]).toEqual(known);

  await rounded(small);
  expect(small.map(bytesOf)).toEqual([wanted, wanted]);
  expect(large.map(bytesOf)).toEqual(left);
});
