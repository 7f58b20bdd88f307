/** The journal of a draft: stages that are done stay done, and what they made goes when their inputs change. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DraftJournal } from "../../src/tools/make/journal.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "outrider-journal-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = async (inputs: unknown, work: (spent: number) => Promise<number>, makes: readonly string[] = []) =>
  (await DraftJournal.open(folder)).stage({ name: "stage", inputs, makes, work });

test("a stage runs once for the same inputs, and finds what it found", async () => {
  const first = await run({ a: 1 }, async () => 7);
  const again = await run({ a: 1 }, async () => expect.unreachable());
  expect(again).toMatchObject({ key: first.key, found: 7 });
  const other = await run({ a: 2 }, async () => 8);
  expect(other.found).toBe(8);
  expect(other.key).not.toBe(first.key);
});

test("a stage that was stopped keeps what it made and knows the time that it took", async () => {
  const made = path.join(folder, "made");
  const halfway = async () => {
    writeFileSync(made, "half");
    await new Promise((resolve) => setTimeout(resolve, 30));
    throw new Error("stopped");
  };
  await expect(run(1, halfway, [made])).rejects.toThrow("stopped");
  const { found, seconds } = await run(
    1,
    async (spent) => {
      expect(existsSync(made)).toBe(true);
      return spent;
    },
    [made],
  );
  expect(found).toBeGreaterThan(0.02);
  expect(seconds).toBeGreaterThanOrEqual(found);
});

test("what a stage made is removed before it runs on other inputs", async () => {
  const made = path.join(folder, "made");
  const work = async () => {
    writeFileSync(made, "old");
    return 1;
  };
  await run(1, work, [made]);
  await run(2, async () => {
    expect(existsSync(made)).toBe(false);
    return 2;
  }, [made]);
});

test("a damaged journal is refused by its name", async () => {
  writeFileSync(path.join(folder, "journal.json"), "{");
  await expect(DraftJournal.open(folder)).rejects.toThrow(/journal\.json is damaged/);
});
