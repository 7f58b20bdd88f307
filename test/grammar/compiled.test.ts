/** Compiled forms: made in slices, in the turn of their keys, and kept within their bytes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { MOST_LOOSE } from "../../src/core/grammar/budget.ts";
import { Compiled, type Held, MOST_OF_ONE } from "../../src/core/grammar/compiled.ts";
import { Following } from "../../src/core/grammar/following.ts";
import { Rota } from "../../src/core/grammar/rota.ts";
import type { ConstraintSource } from "../../src/core/grammar/source.ts";
import { hasToken } from "../../src/core/model/token-mask.ts";
import { hostile } from "../cases/hostile-forms.ts";

const SIZE = 256;
const BYTES = Array.from({ length: SIZE }, (_, id) => Uint8Array.of(id));
const PAUSE = () => new Promise<void>((resolve) => setImmediate(resolve));
const compiledOf = (most: number, pause: () => Promise<void> = PAUSE) =>
  new Compiled({ size: SIZE, bytesOf: (id) => BYTES[id]! }, most, { pause, now: () => performance.now() });

const optional = (count: number, name = "p"): ConstraintSource => {
  const properties = Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${i}`, { type: "string" }]));
  return { kind: "schema", schema: { type: "object", properties, additionalProperties: false } };
};

test("a large form is made in slices, between which other work goes on; a small one is made at once", async () => {
  let pauses = 0;
  const compiled = compiledOf(2 * MOST_OF_ONE, async () => {
    pauses++;
    await PAUSE();
  });
  await compiled.of(optional(10), "a");
  expect(pauses).toBeLessThan(5);
  await compiled.of(optional(2000), "a");
  expect(pauses).toBeGreaterThan(50);
  pauses = 0;
  await compiled.of(optional(2000), "b");
  expect(pauses).toBe(0);
});

test("keys take turns, and one form is made once for all who ask for it", async () => {
  const compiled = compiledOf(8 * MOST_OF_ONE);
  const order: string[] = [];
  const ask = async (key: string, name: string) => {
    const held = await compiled.of(optional(300, name), key);
    order.push(name);
    return held!.constraint;
  };
  const asked = [...["a1", "a2", "a3", "a4"].map((name) => ask("a", name)), ask("b", "b1"), ask("b", "a2")];
  const constraints = await Promise.all(asked);
  expect(order).toEqual(["a1", "b1", "a2", "a2", "a3", "a4"]);
  expect(constraints[5]).toBe(constraints[1]);
});

test("one that no longer looks loses its turn, and a key that had none comes first", () => {
  let now = 0;
  const rota = new Rota(() => now);
  const [first, second, third] = [rota.join("a"), rota.join("a"), rota.join("b")];
  expect([rota.isTurn(second), rota.isTurn(first), rota.isTurn(third)]).toEqual([false, true, false]);
  now += 4000;
  expect([rota.isTurn(second), rota.isTurn(third)]).toEqual([false, false]);
  now += 4000;
  expect([rota.isTurn(second), rota.isTurn(third)]).toEqual([false, true]);
  rota.leave(third);
  expect(rota.isTurn(second)).toBe(true);
});

test("hostile forms in a row stay within the bound at every pause, and so do refused ones", async () => {
  const most = 2 * MOST_OF_ONE;
  let largest = 0;
  const compiled = compiledOf(most, async () => {
    largest = Math.max(largest, compiled.bytes);
    await PAUSE();
  });
  let refused = 0;
  for (let i = 0; i < 14; i++) {
    const held = await compiled.of(hostile(i), "a").catch((error) => {
      expect(error).toMatchObject({ code: "grammar_too_complex", status: 400 });
      expect(error.message).toContain("4 MiB");
      refused++;
    });
    largest = Math.max(largest, compiled.bytes);
    held?.leave();
  }
  expect(refused).toBe(2);
  expect(largest).toBeGreaterThan(MOST_OF_ONE);
  expect(largest).toBeLessThanOrEqual(most);
});

test("what answers are held to stays; where they take all the room there is none for another", async () => {
  const compiled = compiledOf(MOST_OF_ONE + 1_000_000);
  const held = (await compiled.of(optional(2000), "a"))!;
  expect(await compiled.of(optional(2000, "other"), "b")).toBe(null);
  held.leave();
  held.leave();
  const other = (await compiled.of(optional(2000, "other"), "b"))!;
  expect(other.constraint).not.toBe(held.constraint);
  expect(await compiled.of(optional(2000, "third"), "a")).toBe(null);
});

test("a long answer makes more states than are remembered, and ends all the same", async () => {
  const compiled = compiledOf(2 * MOST_OF_ONE);
  const { constraint } = (await compiled.of(optional(1500), ""))!;
  const following = new Following(constraint, 0, [0]);
  const whole = JSON.stringify(Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`p${i}`, "v"])));
  const timeline: number[] = [];
  let most = 0;
  for (const byte of new TextEncoder().encode(whole)) {
    timeline.push(byte);
    expect(following.state(timeline)).not.toBe(null);
    most = Math.max(most, constraint.budget.loose);
  }
  expect(following.takes(timeline, 0)).toBe(true);
  expect(most).toBeGreaterThan(MOST_LOOSE / 2);
  expect(most).toBeLessThanOrEqual(MOST_LOOSE);
});

test("an answer goes on where all that was remembered of its form is forgotten", async () => {
  const compiled = compiledOf(2 * MOST_OF_ONE);
  const sources: ConstraintSource[] = [
    optional(40),
    { kind: "schema", schema: { type: "array", items: { enum: ["a", "b", 12] }, minItems: 2 } },
    { kind: "schema", schema: { type: "object", properties: { a: { type: "string", pattern: "^x+y$" } } } },
    { kind: "regex", pattern: "(?:[ab]{1,3}-){2,5}[0-9]{2,40}" },
    { kind: "grammar", text: 'root ::= "(" root ")" | [x-z]{1,3}' },
  ];
  const held: Held[] = await Promise.all(sources.map(async (source) => (await compiled.of(source, ""))!));
  await fc.assert(
    fc.asyncProperty(fc.nat(sources.length - 1), fc.array(fc.nat(), { maxLength: 60 }), async (which, choices) => {
      const { constraint } = held[which]!;
      const [one, other] = [new Following(constraint, 0, []), new Following(constraint, 0, [])];
      const timeline: number[] = [];
      for (const choice of choices) {
        const { mask } = one.change(timeline);
        constraint.forget();
        expect(other.change(timeline).mask).toEqual(mask);
        const may = BYTES.flatMap((_, id) => (hasToken(mask, id) ? [id] : []));
        if (may.length === 0) break;
        timeline.push(may[choice % may.length]!);
        if (choice % 3 === 0) constraint.forget();
      }
      // A draft goes back further than is remembered.
      const back = timeline.slice(0, timeline.length >> 1);
      expect(one.change(back).mask).toEqual(new Following(constraint, 0, []).change(back).mask);
    }),
    { numRuns: 60 },
  );
});

test("an answer of many tokens keeps few states, and reads again what lies before them", async () => {
  const compiled = compiledOf(2 * MOST_OF_ONE);
  const { constraint } = (await compiled.of({ kind: "regex", pattern: "(?:[a-c]{1,4}[0-9])*" }, ""))!;
  const following = new Following(constraint, 1, [0]);
  const timeline = [7, ...Array.from({ length: 500 }, (_, i) => (i % 5 === 4 ? "1" : "abc"[i % 3]!).charCodeAt(0))];
  for (const length of [501, 40, 300, 501, 2, 1]) {
    const before = timeline.slice(0, length);
    const fresh = new Following(constraint, 1, [0]);
    expect(following.change(before).mask).toEqual(fresh.change(before).mask);
    expect(following.takes(before, 0)).toBe(fresh.takes(before, 0));
  }
});
