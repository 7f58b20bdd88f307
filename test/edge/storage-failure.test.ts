/** What counts as failing storage, and what is done then. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { OutriderError } from "../../src/core/model/errors.ts";
import { askAnyway, isStorageFailure, tellStorageFailure, type Way } from "../../src/edge/store/storage-failure.ts";

const said: string[] = [];
beforeEach(() => {
  said.length = 0;
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 11, 3) + Math.random() * 1e12 });
  vi.spyOn(console, "error").mockImplementation((line) => void said.push(line));
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test.each([
  ["internal error; reference = 07rls494iui39r6j8vneha0p", true],
  ["database or disk is full: SQLITE_FULL", true],
  ["table x has no column named id: SQLITE_ERROR", true],
  ["Durable Object storage operation exceeded timeout which caused object to be reset.", true],
  ["Exceeded allowed rows written in Durable Objects free tier.", true],
  ["Durable Object is overloaded. Too many requests queued.", false],
  ["Durable Object reset because its code was updated.", false],
  ["The operation was aborted", false],
])("%j: %s", (message, isFailure) => {
  expect(isStorageFailure(new Error(message))).toBe(isFailure);
  // What we say ourselves is for the client.
  expect(isStorageFailure(new OutriderError("storage_failed", message))).toBe(false);
});

describe("a turn", () => {
  const full = new Error("database or disk is full: SQLITE_FULL");
  const other = new Error("Durable Object reset because its code was updated.");

  /** Asks, failing by what is given for each way. Returns the ways that were asked, and the answer or why there is none. */
  async function asked(failures: Partial<Record<Way, Error>>) {
    const ways: Way[] = [];
    const answer = await askAnyway(async (way) => {
      ways.push(way);
      if (failures[way]) throw failures[way];
      return new Response(way);
    }).then(
      (response) => response.text(),
      (error) => error.message,
    );
    return { ways, answer };
  }

  test.each<[string, Partial<Record<Way, Error>>, Way[], string]>([
    ["of a storage that is well", {}, ["stored"], "stored"],
    ["of an object that can be read", { stored: full }, ["stored", "unstored"], "unstored"],
    ["of one that cannot", { stored: full, unstored: full }, ["stored", "unstored", "here"], "here"],
    ["that fails otherwise", { stored: other }, ["stored"], other.message],
    ["that then fails otherwise", { stored: full, unstored: other }, ["stored", "unstored"], other.message],
  ])("%s", async (_, failures, ways, answer) => {
    expect(await asked(failures)).toEqual({ ways, answer });
  });
});

test("the operator is told once of each consequence, and again ten minutes later", () => {
  for (let n = 0; n < 100; n++)
    tellStorageFailure(n % 2 === 0 ? "answers are not kept" : "counts are not kept", "full");
  expect(said.map((line) => /: (.*?)\./.exec(line)?.[1])).toEqual(["answers are not kept", "counts are not kept"]);
  expect(said.join()).not.toContain("\n");
  vi.setSystemTime(Date.now() + 11 * 60_000);
  tellStorageFailure("counts are not kept", "full");
  expect(said).toHaveLength(3);
});
