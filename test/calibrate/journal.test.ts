/** A squeeze that is stopped anywhere and started again makes the very pack that one in one go makes. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { Calibrator } from "../../src/tools/compress/calibrate/calibrator.ts";
import { Journal } from "../../src/tools/compress/calibrate/journal.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { runStages } from "../../src/tools/compress/pipeline.ts";
import type { Stage } from "../../src/tools/compress/recipe.ts";
import { pruneWidth } from "../../src/tools/compress/stages/prune-width.ts";
import { textOf } from "../support/calibration.ts";
import { seeded } from "../support/random.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const tiny = await readPack(openDirectory(TINY_PACKS.target));
// Codebooks want widths in multiples of 64, and the tiny model has 96 channels.
const first = (count: number) => Array.from({ length: count }, (_, n) => n);
const width = { kvHeads: first(tiny.config.kvHeads), channels: first(64) };
const base = pruneWidth(
  tiny,
  first(tiny.config.layers).map(() => width),
);
const directory = mkdtempSync(path.join(tmpdir(), "outrider-journal-"));
const pool = await Pool.open(1);
const random = seeded(9);
const windows = Array.from({ length: 3 }, () => Array.from({ length: 24 }, () => Math.floor(random() * 512)));
vi.spyOn(process.stderr, "write").mockImplementation(() => true);

afterAll(async () => {
  await pool[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const run = (stages: Stage[], journal: Journal) =>
  runStages(base, { model: "made", stages }, new Calibrator(pool, textOf(windows), journal));

/** Stops at every rest once, as a Ctrl-C there would. Returns what is made in the end, and the number of stops. */
async function stoppedEverywhere(stages: Stage[], at: string) {
  for (let stops = 0; ; stops++) {
    const journal = await Journal.open(at, "this work");
    expect(journal.goesOn).toBe(stops > 0);
    journal.stop();
    try {
      return { made: await run(stages, journal), stops, journal };
    } catch (error) {
      expect(error).toMatchObject({ code: "stopped" });
    }
  }
}

const half = { per: "row", sparsity: 0.5 } as const;
test.each<[string, Stage[], number]>([
  // A step already whole is passed over, so each run gets one block further.
  ["statistics, block by block", [{ stage: "wanda", pattern: half }], 6],
  // Three windows by one thread, then six blocks of codebooks.
  ["gradients, windows by windows", [{ stage: "squeezellm", bits: 4, sensitive: 0, outlying: 0 }], 9],
  ["perplexities, one by one", [{ stage: "shortened-llama", criterion: "perplexity", remove: 2, plus: false }], 6],
  [
    "two stages",
    [
      { stage: "sparsegpt", pattern: half },
      { stage: "squeezellm", bits: 4, sensitive: 0, outlying: 0 },
    ],
    15,
  ],
])("%s", async (title, stages, expected) => {
  const whole = await run(stages, Journal.none());
  const { made, stops, journal } = await stoppedEverywhere(stages, path.join(directory, title));
  expect(stops).toBe(expected);
  for (const [name, { bytes }] of whole.tensors) {
    expect(Buffer.from(bytes).equals(made.tensors.get(name)!.bytes), name).toBe(true);
  }
  expect(made.recipe).toEqual(whole.recipe);
  await journal.discard();
  expect(existsSync(path.join(directory, title))).toBe(false);
});

test("other work's journal is thrown away, anything else is left alone", async () => {
  const at = path.join(directory, "other");
  await (await Journal.open(at, "one")).step().save("value", new Uint8Array(3));
  const other = await Journal.open(at, "two");
  expect(other.goesOn).toBe(false);
  expect(await other.step().load("value")).toBeUndefined();
  const file = path.join(directory, "file");
  writeFileSync(file, "mine");
  await expect(Journal.open(file, "one")).rejects.toThrow("unfinished work cannot be kept here");
});
