import { expect, test } from "vitest";
import { Room } from "../../src/edge/room.ts";

const [a, b, c] = [{}, {}, {}];

test("turns share the pool as long as they fit", () => {
  const room = new Room();
  room.claim(a, 96, 5, 0);
  room.claim(b, 33, 5, 0);
  expect(() => room.claim(c, 1, 5, 0)).toThrow(/needs 1 KV pages; of the pool's 5, other turns are using 5/);
  room.leave(a);
  room.claim(c, 96, 5, 0);
  expect(() => room.claim(c, 97, 5, 0)).toThrow(/needs 4/);
  // Whoever was refused holds nothing.
  room.claim(a, 96, 5, 0);
});

test("one turn alone may have all, and no more", () => {
  const room = new Room();
  room.claim(a, 160, 5, 0);
  expect(() => room.claim(a, 161, 5, 0)).toThrow(expect.objectContaining({ code: "kv_full", status: 503 }));
});

test("a turn that fell silent is not counted", () => {
  const room = new Room();
  room.claim(a, 150, 5, 1000);
  expect(() => room.claim(b, 32, 5, 11_000)).toThrow();
  room.claim(b, 32, 5, 11_001);
  expect(() => room.claim(a, 150, 5, 11_002)).toThrow();
});
