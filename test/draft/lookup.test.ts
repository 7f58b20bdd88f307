import { describe, expect, test } from "vitest";
import { BothDrafter } from "../../src/core/draft/both.ts";
import { CopyDrafter } from "../../src/core/draft/copy-drafter.ts";
import { Lookup } from "../../src/core/draft/lookup.ts";
import type { Drafting } from "../../src/core/format/pack-header.ts";
import type { Drafter, Proposed } from "../../src/core/speculate/types.ts";
import { seeded } from "../support/random.ts";

const ids = (text: string) => [...text].map((c) => c.codePointAt(0)!);
const text = (proposed: readonly Proposed[]) => String.fromCodePoint(...proposed.map(({ id }) => id));
const always = () => true;

async function continuation(timeline: string, max: number): Promise<string> {
  const drafter = new CopyDrafter();
  await drafter.sync(ids(timeline));
  return text(await drafter.propose(max, always));
}

/** Brute force: all earlier places where the last token occurred, the longest match first, then the most recent. */
function bruteMatches(timeline: readonly number[]): { next: number; length: number }[] {
  const end = timeline.length;
  const matches = [];
  for (let next = end - 1; next >= 1; next--) {
    let length = 0;
    while (length < 32 && next - 1 - length >= 0 && timeline[next - 1 - length] === timeline[end - 1 - length])
      length++;
    if (length > 0) matches.push({ next, length });
  }
  return matches.sort((a, b) => b.length - a.length);
}

function bruteForce(timeline: readonly number[], max: number): number[] {
  const [best] = bruteMatches(timeline);
  if (!best) return [];
  const extended = [...timeline];
  for (let i = 0; i < max; i++) extended.push(extended[best.next + i]!);
  return extended.slice(timeline.length);
}

describe("lookup", () => {
  test("copies what followed the longest earlier match, the most recent among equals", async () => {
    expect(await continuation("the cat sat. the c", 6)).toBe("at sat");
    expect(await continuation("abX abY ab", 3)).toBe("Y a");
    expect(await continuation("zabX abY zab", 2)).toBe("X ");
    expect(await continuation("abcdefg", 5)).toBe("");
    expect(await continuation("a", 5)).toBe("");
    expect(await continuation("", 5)).toBe("");
  });

  test("goes on with its own proposal when the copy reaches the end: a repetition", async () => {
    expect(await continuation("ababab", 5)).toBe("ababa");
    expect(await continuation("aaa", 4)).toBe("aaaa");
    expect(await continuation("aa", 2)).toBe("aa");
  });

  test("equals brute force while a random timeline grows, is cut back and changes", async () => {
    const random = seeded(4);
    const drafter = new CopyDrafter();
    let timeline: number[] = [];
    for (let i = 0; i < 400; i++) {
      if (random() < 0.15) timeline = timeline.slice(0, Math.floor(random() * timeline.length));
      for (let n = Math.floor(random() * 6); n > 0; n--) timeline.push(Math.floor(random() * 3));
      if (timeline.length > 60) timeline = timeline.slice(0, 20);
      await drafter.sync(timeline);
      const proposed = await drafter.propose(7, always);
      const wanted = bruteForce(timeline, 7);
      expect(
        proposed.map(({ id }) => id),
        timeline.join(),
      ).toEqual(wanted);
      // What follows its own first tokens, if these come true.
      expect(drafter.after(wanted.slice(0, 2), 0).copy?.id).toBe(
        bruteForce([...timeline, ...wanted.slice(0, 2)], 1)[0],
      );
      const [first] = await drafter.propose(1, always, 99);
      const followed = bruteMatches(timeline).map(({ next }) => timeline[next]!);
      // Of single tokens only the most recent four are looked at, so of three some may be missing.
      expect([...new Set(followed)].join()).toMatch(
        new RegExp(`^${first ? [first, ...first.others!].map(({ id }) => id) : ""}`),
      );
      expect(await drafter.propose(7, always), "nothing is learned of what might be").toEqual(proposed);
    }
  });

  test("names what followed other matches, each token once, as likely as those before it leave room for", async () => {
    const drafter = new CopyDrafter();
    await drafter.sync(ids("abX abY bZ abY ab"));
    const [first] = await drafter.propose(1, always, 3);
    expect(text([first!, ...first!.others!])).toBe("YXZ");
    const chances = [first!, ...first!.others!].map(({ confidence }) => confidence);
    expect(chances.every((chance, n) => n === 0 || chance < chances[n - 1]!)).toBe(true);
    expect(chances.reduce((sum, chance) => sum + chance)).toBeLessThan(1);
    expect((await drafter.propose(1, always, 1))[0]!.others).toHaveLength(1);
    expect((await drafter.propose(1, always))[0]!.others).toEqual([]);
  });

  test("trusts longer matches more, and stops where `more` says no", async () => {
    const drafter = new CopyDrafter();
    await drafter.sync(ids("one two three four five. one two"));
    let asked = 0;
    const proposed = await drafter.propose(12, () => ++asked < 9);
    expect(proposed).toHaveLength(9);
    for (const [i, { confidence, source }] of proposed.entries()) {
      expect(source).toBe("lookup");
      expect(confidence).toBeGreaterThan(0);
      expect(confidence).toBeLessThan(1);
      expect(confidence).toBeGreaterThanOrEqual(proposed[i - 1]?.confidence ?? 0);
    }
  });

  test("learns from the timeline how far to trust a match", async () => {
    const random = seeded(6);
    const noise = Array.from({ length: 600 }, () => Math.floor(random() * 4));
    const misleading = new Lookup();
    misleading.sync(noise);
    const faithful = new Lookup();
    const line = Array.from({ length: 40 }, () => Math.floor(random() * 1000));
    faithful.sync(Array.from({ length: 600 }, (_, i) => line[i % 40]!));
    expect(misleading.after([])!.confidence).toBeLessThan(0.5);
    expect(faithful.after([])!.confidence).toBeGreaterThan(0.9);
  });
});

describe("a prediction", () => {
  const expected = "a file that somebody edits, line by line, and gets back";
  const drafterFor = (prompt: string) => new CopyDrafter(ids(prompt), ids(expected));

  test.each(["Edit it. Answer: ", ":", ""])("is copied from its first token on, behind %j", async (prompt) => {
    const drafter = drafterFor(prompt);
    // Without a prompt nothing tells where it begins before its first tokens have come.
    const begun = prompt === "" ? expected.slice(0, 3) : "";
    await drafter.sync(ids(prompt + begun));
    const proposed = await drafter.propose(12, always);
    expect(text(proposed)).toBe(expected.slice(begun.length, begun.length + 12));
    expect(proposed.map(({ source }) => source)).toEqual(Array.from({ length: 12 }, () => "prediction"));
  });

  test("is gone on with behind a change, and behind words that stand before it", async () => {
    const prompt = "Edit this. Answer: ";
    for (const answer of ["a file that nobody edits, ", "Here you are: a file that somebody edits, "]) {
      const drafter = drafterFor(prompt);
      for (let length = 0; length <= answer.length; length++) await drafter.sync(ids(prompt + answer.slice(0, length)));
      expect(text(await drafter.propose(12, always))).toBe("line by line");
    }
  });

  test("is cut back and grown with the timeline as without one", async () => {
    const prompt = "a file that somebody edits. ";
    const grown = drafterFor(prompt);
    for (const answer of ["a fi", "a file th", "", "a x", "a file that"]) await grown.sync(ids(prompt + answer));
    const fresh = drafterFor(prompt);
    await fresh.sync(ids(`${prompt}a file that`));
    expect(text(await grown.propose(9, always))).toBe(text(await fresh.propose(9, always)));
    expect(text(await grown.propose(9, always))).toBe(" somebody");
  });

  test("what is copied from elsewhere is not of it", async () => {
    const drafter = drafterFor("one two three four five six. one two three");
    await drafter.sync(ids("one two three four five six. one two three"));
    // The end of the prompt leads to the prediction; behind a word of the prompt's own it goes on with the prompt.
    await drafter.sync(ids("one two three four five six. one two three four fiv"));
    const [next] = await drafter.propose(1, always);
    expect([text([next!]), next!.source]).toEqual(["e", "lookup"]);
  });
});

describe("both", () => {
  /** Says 7, sure of it to `confidence`. */
  class Model implements Drafter {
    held: readonly number[] = [];
    syncs = 0;
    confidence = 0.5;
    others: readonly number[] = [];
    drafting: Drafting = { copyWeight: 0.4 };
    async sync(timeline: readonly number[]) {
      this.held = [...timeline];
      this.syncs++;
    }
    async propose() {
      const of = (id: number, confidence: number) => ({ id, confidence, source: "model" as const });
      return [{ ...of(7, this.confidence), others: this.others.map((id) => of(id, 0.1)) }];
    }
  }

  test("copies while the timeline repeats, asks the model, brought up to date, where it does not", async () => {
    const model = new Model();
    const both = new BothDrafter(new CopyDrafter(), model);
    const repeated = ids("a line of text. a line of text. a li");
    await both.sync(repeated);
    const copied = await both.propose(4, always);
    expect([copied[0]!.source, text(copied)]).toEqual(["lookup", "ne o"]);

    const novel = [...repeated, 999, 998];
    await both.sync(novel);
    const own = await both.propose(3, always);
    expect(own.map(({ id, source }) => [id, source])).toEqual([7, 7, 7].map((id) => [id, "model"]));
    expect(model.held).toEqual([...novel, 7, 7]);
  });

  test("says what the target said behind a refused token", async () => {
    const both = new BothDrafter(new CopyDrafter(), Object.assign(new Model(), { confidence: 0.3 }));
    both.learn([1, 2, 3], 2, { tokens: [9, 4, 5], next: [40, 50, 60] });
    await both.sync([1, 2, 3, 4]);
    // Behind 4 the target said 50, and behind that nothing is known.
    const proposed = await both.propose(2, always, 1);
    expect(proposed.map(({ id, source }) => [id, source])).toEqual([
      [50, "recycled"],
      [7, "model"],
    ]);
    expect(proposed[0]!.others!.map(({ id }) => id)).toEqual([7]);
  });

  test("runs no model for what the target said behind several refused tokens", async () => {
    const model = new Model();
    const both = new BothDrafter(new CopyDrafter(), model);
    both.learn([1, 2], 1, { tokens: [9, 4, 5, 6], next: [40, 50, 60, 70] });
    await both.sync([1, 2, 4, 5, 6]);
    expect((await both.propose(1, always)).map(({ id }) => id)).toEqual([70]);
    expect(model.syncs).toBe(0);
  });

  test("asks the model at all wherever its pack trusts no copy", async () => {
    const model = Object.assign(new Model(), { drafting: { copyConfidence: 1, copyWeight: 0.4 }, confidence: 0.99 });
    const both = new BothDrafter(new CopyDrafter(), model);
    await both.sync(ids("a line of text. a line of text. a li"));
    expect((await both.propose(2, always)).map(({ source }) => source)).toEqual(["model", "model"]);
  });

  test("takes, for each position, the likeliest token by both", async () => {
    const model = new Model();
    const both = new BothDrafter(new CopyDrafter(), model);
    model.others = ids("X");
    // "ab" was followed by "X": a match of two, of confidence one third.
    await both.sync(ids("abX, ab"));
    model.confidence = 0.2;
    expect(text((await both.propose(1, always)).slice(0, 1))).toBe("X");
    model.confidence = 0.9;
    expect((await both.propose(3, always)).map(({ id }) => id)).toEqual([7, 7, 7]);
    let asked = 0;
    expect((await both.propose(3, () => ++asked < 2)).length).toBe(2);
  });

  test("weighs copies as the model's pack says", async () => {
    const model = Object.assign(new Model(), { drafting: { copyWeight: 3 } });
    const both = new BothDrafter(new CopyDrafter(), model);
    model.confidence = 0.9;
    model.others = ids("X");
    // "ab" was followed by "X": a match of two, of confidence one third.
    await both.sync(ids("abX, ab"));
    expect(text(await both.propose(1, always))).toBe("X");
  });

  test("returns what else both name as others, the likeliest first", async () => {
    const model = new Model();
    const both = new BothDrafter(new CopyDrafter(), model);
    await both.sync(ids("abX, ab"));
    const [X] = ids("X") as [number];
    const named = async (confidence: number, others: readonly number[], most: number) => {
      model.confidence = confidence;
      model.others = others;
      const [first] = await both.propose(1, always, most);
      return [first!.id, ...first!.others!.map(({ id }) => id)];
    };
    expect(await named(0.9, [5, 6], 3)).toEqual([7, 5, 6, X]);
    expect(await named(0.2, [5, 6], 2)).toEqual([7, 5, 6]);
    expect(await named(0.9, [X, 5], 3)).toEqual([7, X, 5]);
    expect(await named(0.2, [X], 3)).toEqual([X, 7]);
    expect(await named(0.9, [5], 0)).toEqual([7]);
    // A token that the model does not name first may be the likeliest by both.
    await both.sync(ids("abX abX abY ab"));
    const [Y] = ids("Y") as [number];
    expect(await named(0.9, [5], 3)).toEqual([7, 5, Y, X]);
    expect(await named(0.15, [X, Y], 3)).toEqual([Y, X, 7]);
  });

  test("the model reads what was copied while a draft is verified, a few tokens at a time", async () => {
    const model = new Model();
    const both = new BothDrafter(new CopyDrafter(), model);
    const timeline = Array.from({ length: 100 }, (_, i) => (i % 10) + 100);
    await both.sync(timeline);
    expect((await both.propose(20, always))[0]!.source).toBe("lookup");
    expect(model.held).toEqual([]);
    let looks = 0;
    await both.settle(() => ++looks < 3);
    expect(model.held).toEqual(timeline.slice(0, 16));
    await both.settle(always);
    expect(model.held).toEqual(timeline);
    const { syncs } = model;
    await both.settle(always);
    expect(model.syncs).toBe(syncs);
  });

  test("lets the model lag a little while copying, not without bound", async () => {
    const model = new Model();
    const both = new BothDrafter(new CopyDrafter(), model);
    const period = Array.from({ length: 10 }, (_, i) => i + 100);
    const timeline = Array.from({ length: 100 }, (_, i) => period[i % 10]!);
    await both.sync(timeline);
    const before = model.syncs;
    for (let i = 0; i < 100; i++) {
      timeline.push(period[timeline.length % 10]!);
      await both.sync(timeline);
      expect((await both.propose(1, always))[0]!.source).toBe("lookup");
      expect(timeline.length - model.held.length).toBeLessThanOrEqual(128);
    }
    expect(model.syncs - before).toBeLessThan(2);
  });
});
