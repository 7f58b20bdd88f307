/** A short run of `npm run suite fuzz` on a fixed seed, and that the driver sees what it is there to see. */
import { describe, expect, test } from "vitest";
import { OutriderError } from "../../src/core/model/errors.ts";
import { fuzz } from "./fuzz.ts";
import { READERS } from "./readers.ts";

const SEED = 25;
const CASES = 150;

describe("damaged input is read, or refused in words", () => {
  test.each(READERS)("$name", async (reader) => {
    const { outcomes, failure } = await fuzz(reader, SEED, 0, (n) => n < CASES);
    expect(failure).toBeNull();
    // Some of it is still good, or there are several ways of being bad.
    expect(outcomes.size).toBeGreaterThan(0);
  });
});

test("an error that is not ours is a failure, with the case that shows it", async () => {
  const broken = {
    name: "broken",
    async attempt(random: () => number) {
      if (random() < 0.1) throw new TypeError("raw");
      throw new OutriderError("refused", "in words");
    },
  };
  const { failure, outcomes } = await fuzz(broken, SEED, 0, (n) => n < 1000);
  expect(failure).toMatchObject({ name: "broken", seed: SEED, error: expect.any(TypeError) });
  const again = await fuzz(broken, SEED, failure!.n, (n) => n === failure!.n);
  expect(again.failure).toMatchObject({ n: failure!.n });
  expect([...outcomes.keys()]).toEqual(["refused"]);
});
