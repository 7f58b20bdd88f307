/** The states of a breaker, in a time of its own. */
import { expect, test } from "vitest";
import { Breakers } from "../../src/edge/origins/breaker.ts";

function broken() {
  const clock = { now: 0 };
  const breakers = new Breakers(() => clock.now);
  /** Passes the pause, and finds /health well. */
  const heal = (ms: number) => {
    clock.now += ms;
    breakers.answered("a");
  };
  return { clock, breakers, heal };
}

test("opens at the first hard failure and at the third soft one in a row", () => {
  const { breakers } = broken();
  expect(breakers.admits("a")).toBe(true);
  breakers.failed("a", "soft");
  breakers.failed("a", "soft");
  expect(breakers.admits("a")).toBe(true);
  breakers.worked("a");
  for (const _ of [1, 2]) breakers.failed("a", "soft");
  expect(breakers.isOpen("a")).toBe(false);
  breakers.failed("a", "soft");
  expect(breakers.admits("a")).toBe(false);
  breakers.failed("b", "hard");
  expect([breakers.admits("b"), breakers.admits("c")]).toEqual([false, true]);
});

test("half open, lets one answer at a time try", () => {
  const { clock, breakers, heal } = broken();
  breakers.failed("a", "hard");
  // Too early: a /health that is well says nothing yet.
  heal(4999);
  expect([breakers.isDue("a"), breakers.admits("a")]).toEqual([false, false]);
  clock.now++;
  expect(breakers.isDue("a")).toBe(true);
  heal(0);
  expect([breakers.admits("a"), breakers.admits("a")]).toEqual([true, false]);
  // The one that tries it has left without a word.
  clock.now += 60_000;
  expect([breakers.admits("a"), breakers.admits("a")]).toEqual([true, false]);
  breakers.worked("a");
  expect([breakers.admits("a"), breakers.admits("a")]).toEqual([true, true]);
});

test("pauses twice as long after each trial that failed, up to a minute, and anew after a verdict", () => {
  const { clock, breakers, heal } = broken();
  const pauses = () => {
    const began = clock.now;
    while (!breakers.isDue("a")) clock.now += 500;
    return clock.now - began;
  };
  const seen: number[] = [];
  for (let i = 0; i < 6; i++) {
    // Many answers meet one failure.
    for (let answer = 0; answer < 10; answer++) breakers.failed("a", "hard");
    seen.push(pauses());
    heal(0);
    breakers.admits("a");
  }
  expect(seen).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  breakers.worked("a");
  breakers.failed("a", "hard");
  expect(pauses()).toBe(5000);
});
