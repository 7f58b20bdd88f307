/** Long work in slices: how much of the thread it takes, in which order, and that it leaves nothing behind. */
import { expect, test } from "vitest";
import type { Sliced } from "../../src/core/model/sliced.ts";
import { LongWork } from "../../src/edge/api/long-work.ts";
import { virtually } from "../support/virtual-time.ts";

/** Work of so many slices, which tells when each is done. */
function* work<T>(slices: number, told: (slice: number) => void, result: T): Sliced<T> {
  for (let slice = 1; slice < slices; slice++) {
    told(slice);
    yield;
  }
  told(slices);
  return result;
}

const longWork = (now: () => number) => new LongWork(now, (then, ms) => void setTimeout(then, ms));

test("what is done in one slice is done at once", async () => {
  await virtually(async (now) => {
    const at: number[] = [];
    expect(
      await longWork(now).done(
        "key",
        work(1, () => at.push(now()), "done"),
      ),
    ).toBe("done");
    expect(at).toEqual([0]);
  });
});

test("the slices of all work together rest between each other, and take turns", async () => {
  await virtually(async (now) => {
    const own = longWork(now);
    const slices: { name: string; at: number }[] = [];
    const asked = (name: string) =>
      own.done(
        "key",
        work(3, () => slices.push({ name, at: now() }), name),
      );
    expect(await Promise.all(["a", "b", "c"].map(asked))).toEqual(["a", "b", "c"]);
    expect(slices.map(({ name }) => name).join("")).toBe("abcabcabc");
    const rests = slices.slice(1).map(({ at }, before) => at - slices[before]!.at);
    expect(Math.min(...rests)).toBeGreaterThanOrEqual(4);
  });
});

test("a key's work does not wait for another's, however much of that there is", async () => {
  await virtually(async (now) => {
    const own = longWork(now);
    const ended: { key: string; at: number }[] = [];
    const asked = (key: string) => own.slice(key, 20, () => ended.push({ key, at: now() }));
    await Promise.all([...new Array(10).fill("greedy"), "modest"].map(asked));
    expect(ended.find(({ key }) => key === "modest")!.at).toBe(0);
    expect(ended.at(-1)!.at).toBe(180);
  });
});

test("behind a long slice the rest begins at its end", async () => {
  await virtually(async (now) => {
    let clock = 0;
    const own = new LongWork(
      () => now() + clock,
      (then, ms) => void setTimeout(then, ms),
    );
    const begun: number[] = [];
    const takes = (ms: number) => () => {
      begun.push(now() + clock);
      clock += ms;
    };
    await Promise.all([
      own.slice("key", 20, takes(100)),
      own.slice("key", 20, takes(100)),
      own.slice("key", 20, takes(0)),
    ]);
    expect(begun).toEqual([0, 120, 240]);
  });
});

test("work that fails, and work whose request has ended in the middle of it, holds nobody", async () => {
  await virtually(async (now) => {
    let ends = false;
    let lost = 0;
    // Timers end with the request that they were set for.
    const own = new LongWork(now, (then, ms) => {
      if (ends) lost++;
      else setTimeout(then, ms);
      ends = false;
    });
    const failing = work(
      2,
      (slice) => {
        if (slice === 2) throw new Error("no");
      },
      null,
    );
    await expect(own.done("key", failing)).rejects.toThrow("no");
    const ending = work(
      3,
      () => {
        ends = true;
      },
      null,
    );
    void own.done("key", ending);
    const next = work(2, () => {}, "next");
    expect(await own.done("key", next)).toBe("next");
    expect(lost).toBe(1);
    expect(now()).toBeLessThan(50);
  });
});
