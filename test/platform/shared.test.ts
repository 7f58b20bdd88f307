import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Renew, Shared } from "../../src/core/platform/shared.ts";

beforeEach(() => {
  vi.useFakeTimers();
  // Node has this under node:timers/promises only.
  vi.stubGlobal("scheduler", { wait: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)) });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A load that takes `steps` of 100 ms and renews at each. */
const slow =
  <T>(value: T, steps: number, log: string[] = []) =>
  async (renew: Renew): Promise<T> => {
    log.push(`load ${value}`);
    for (let i = 0; i < steps; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      renew();
    }
    return value;
  };

test("many ask at once, one loads, all get it", async () => {
  const shared = new Shared<string>();
  const log: string[] = [];
  const all = Promise.all(["a", "b", "c"].map((name) => shared.get(slow(name, 100, log))));
  await vi.advanceTimersByTimeAsync(11_000);
  expect(await all).toEqual(["a", "a", "a"]);
  expect(log).toEqual(["load a"]);
  expect(await shared.get(slow("d", 0, log))).toBe("a");
});

test("a loader that was cancelled is taken over from; if it wakes up it yields", async () => {
  const shared = new Shared<string>();
  let wake = () => {};
  const hung = shared.get(async (renew) => {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
    renew();
    return "hung";
  });
  const next = shared.get(slow("next", 3));
  await vi.advanceTimersByTimeAsync(4_000);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await next).toBe("next");
  wake();
  await vi.advanceTimersByTimeAsync(100);
  expect(await hung).toBe("next");
});

test("a failed load is that request's alone", async () => {
  const shared = new Shared<string>();
  const failing = shared.get(async () => {
    throw new Error("no such file");
  });
  const next = shared.get(slow("next", 1));
  await expect(failing).rejects.toThrow("no such file");
  await vi.advanceTimersByTimeAsync(500);
  expect(await next).toBe("next");
});

test("what was dropped is loaded anew; only that very value can be dropped", async () => {
  const shared = new Shared<{ name: string }>();
  const first = await shared.get(async () => ({ name: "first" }));
  shared.drop({ name: "first" });
  expect(await shared.get(async () => ({ name: "second" }))).toBe(first);
  shared.drop(first);
  expect((await shared.get(async () => ({ name: "third" }))).name).toBe("third");
});
