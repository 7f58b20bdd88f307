/** A copy goes on after its changes. */
import { describe, expect, test } from "vitest";
import { CopyDrafter } from "../../src/core/draft/copy-drafter.ts";
import type { Proposed } from "../../src/core/speculate/types.ts";
import { seeded } from "../support/random.ts";

const ids = (text: string) => [...text].map((c) => c.codePointAt(0)!);
const text = (proposed: readonly Proposed[]) => String.fromCodePoint(...proposed.map(({ id }) => id));

async function continuation(timeline: string, max: number): Promise<string> {
  const drafter = new CopyDrafter();
  await drafter.sync(ids(timeline));
  return text(await drafter.propose(max, () => true));
}

/** No two neighbours of it occur twice, so only the copy's place tells what follows a change. */
const SOURCE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

describe("right after a change the copy goes on close by", () => {
  test.each([
    ["one token replaced", "abcdefghij?", "lmnop"],
    ["two tokens replaced by two", "abcdefghij?!", "mnopq"],
    ["one token replaced by three, once it agrees", "abcdefghij?!?l", "mnopq"],
    ["tokens put in between", "abcdefghij?!?k", "lmnop"],
    ["tokens left out", "abcdefghijn", "opqrs"],
    ["tokens put in and others left out", "abcdefghij??n", "opqrs"],
  ])("%s", async (_, copy, next) => {
    expect(await continuation(`${SOURCE}. ${copy}`, 5)).toBe(next);
  });

  test("the nearest place, although the token occurred later and elsewhere", async () => {
    // After "?" comes "(", which stands before "1", and had "2" and "3" behind it more recently.
    const source = "one long line of text(1) and another(2) and a third(3)\n";
    expect(await continuation(`${source}one long line of words(`, 2)).toBe("1)");
  });

  test("not where too little was copied before", async () => {
    expect(await continuation(`${SOURCE}. abc?`, 5)).toBe("");
  });

  test("not for ever", async () => {
    const others = String.fromCodePoint(...Array.from({ length: 70 }, (_, n) => 0x400 + n));
    expect(await continuation(`${SOURCE}. abcdefghij${others.slice(0, 10)}k`, 1)).toBe("l");
    expect(await continuation(`${SOURCE}. abcdefghij${others}k`, 1)).toBe("l");
    expect(await continuation(`${SOURCE}. abcdefghij${others}`, 1)).toBe("");
  });
});

describe("a replacement is expected again where the source has the same", () => {
  const known = new Map<string, number>();
  const words = (text: string) =>
    text.split(/(?=[ ;])/).map((word) => known.get(word) ?? known.set(word, known.size).get(word)!);
  const wordsOf = (proposed: readonly Proposed[]) => proposed.map(({ id }) => [...known.keys()][id]).join("");
  const source = " it was the first of the days of total; print all of total; store all of total; close";

  async function proposed(copy: string, max: number): Promise<readonly Proposed[]> {
    const drafter = new CopyDrafter();
    await drafter.sync(words(`${source}.${copy}`));
    const once = await drafter.propose(max, () => true);
    expect(await drafter.propose(max, () => true), "nothing is learned of what might be").toEqual(once);
    return once;
  }

  test("once it was seen, within a draft", async () => {
    const copy = " it was the first of the days of sum; print all";
    expect(wordsOf(await proposed(copy, 9))).toBe(" of sum; store all of sum; close.");
  });

  test("by more tokens", async () => {
    const longer = " it was the first of the days of a sum; print all";
    expect(wordsOf(await proposed(longer, 7))).toBe(" of a sum; store all of");
  });

  test("no longer where it did not hold", async () => {
    const copy = " it was the first of the days of sum; print all of total; store all of";
    expect(wordsOf(await proposed(copy, 2))).toBe(" total;");
  });
});

test("a timeline that is cut back and changes is followed as if it had come at once", async () => {
  const random = seeded(11);
  const source = Array.from({ length: 80 }, () => Math.floor(random() * 30));
  const drafter = new CopyDrafter();
  let timeline = [...source];
  for (let i = 0; i < 200; i++) {
    if (random() < 0.2) timeline = timeline.slice(0, 80 + Math.floor(random() * (timeline.length - 80)));
    const from = Math.floor(random() * 60);
    timeline.push(...source.slice(from, from + 12), Math.floor(random() * 30));
    await drafter.sync(timeline);
    // What was learned of the tokens that were cut off stays: how far to trust, not what follows.
    const fresh = new CopyDrafter();
    await fresh.sync(timeline);
    const next = async (each: CopyDrafter) => new Set((await each.propose(1, () => true, 99)).flatMap(candidates));
    expect(await next(drafter)).toEqual(await next(fresh));
  }
});

const candidates = ({ id, others = [] }: Proposed): number[] => [id, ...others.map((other) => other.id)];
