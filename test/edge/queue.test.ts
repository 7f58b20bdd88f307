import { expect, test } from "vitest";
import { Queue } from "../../src/edge/session/queue.ts";

test("queue come in order, one at a time", async () => {
  const queue = new Queue(10);
  const log: string[] = [];
  await Promise.all(
    [3, 1, 2].map(async (ticks, i) => {
      const leave = await queue.enter();
      log.push(`in ${i}`);
      for (let t = 0; t < ticks; t++) await new Promise((resolve) => setTimeout(resolve, 0));
      log.push(`out ${i}`);
      leave();
    }),
  );
  expect(log).toEqual(["in 0", "out 0", "in 1", "out 1", "in 2", "out 2"]);
});

test("one works and `most` wait; the next is refused with a 429, and enters once there is room", async () => {
  const queue = new Queue(2);
  const leave = await queue.enter();
  const waiting = [queue.enter(), queue.enter()];
  await expect(queue.enter()).rejects.toMatchObject({ code: "session_busy", status: 429, retryable: true });
  leave();
  const third = queue.enter();
  for (const turn of waiting) (await turn)();
  (await third)();
});

test("a request whose client leaves gives its place back at once, and is never let in", async () => {
  const queue = new Queue(1);
  const leave = await queue.enter();
  const left = new AbortController();
  const waiting = queue.enter(left.signal);
  await expect(queue.enter()).rejects.toMatchObject({ code: "session_busy" });
  left.abort();
  await expect(waiting).rejects.toMatchObject({ code: "closed", status: 499 });
  const next = queue.enter();
  leave();
  (await next)();
  await expect(queue.enter(left.signal)).rejects.toMatchObject({ code: "closed" });
  expect(queue.busy).toBe(false);
  (await queue.enter())();
});

test("between two turns nobody comes first who did not wait", async () => {
  const queue = new Queue(2);
  const leave = await queue.enter();
  const log: string[] = [];
  const enter = async (name: string) => {
    const end = await queue.enter();
    log.push(name);
    end();
  };
  const waited = enter("waited");
  leave();
  await Promise.all([enter("late"), waited]);
  expect(log).toEqual(["waited", "late"]);
});
