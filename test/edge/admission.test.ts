import { expect, test } from "vitest";
import { Admission } from "../../src/edge/draft/admission.ts";

const [a, b, c] = [{}, {}, {}];

test("turns share the pool as long as they fit", () => {
  const admission = new Admission();
  admission.claim(a, 96, 5, 0);
  admission.claim(b, 33, 5, 0);
  expect(() => admission.claim(c, 1, 5, 0)).toThrow(/needs 1 KV pages; of the pool's 5, other turns are using 5/);
  admission.leave(a);
  admission.claim(c, 96, 5, 0);
  expect(() => admission.claim(c, 97, 5, 0)).toThrow(/needs 4/);
  // Whoever was refused holds nothing.
  admission.claim(a, 96, 5, 0);
});

test("one turn alone may have all, and no more", () => {
  const admission = new Admission();
  admission.claim(a, 160, 5, 0);
  expect(() => admission.claim(a, 161, 5, 0)).toThrow(expect.objectContaining({ code: "kv_full", status: 503 }));
});

test("a turn that fell silent is not counted", () => {
  const admission = new Admission();
  admission.claim(a, 150, 5, 1000);
  expect(() => admission.claim(b, 32, 5, 11_000)).toThrow();
  admission.claim(b, 32, 5, 11_001);
  expect(() => admission.claim(a, 150, 5, 11_002)).toThrow();
});
