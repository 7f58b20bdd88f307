import { describe, expect, test } from "vitest";
import { OutriderError } from "../../src/core/model/errors.ts";
import { History } from "../../src/core/speculate/history.ts";
import { MOST_AHEAD } from "../../src/core/speculate/rates.ts";
import { generate, type Step, type Summary } from "../../src/core/speculate/round.ts";
import type { Done, Draft, Drafter, Proposed, Refused, Verdict, Verifier } from "../../src/core/speculate/types.ts";
import { Window, type WindowPolicy } from "../../src/core/speculate/window.ts";
import { evenCosts } from "../support/costs.ts";
import { eventually } from "../support/eventually.ts";
import { GuessDrafter, sleep } from "../support/scripted.ts";

/** A verifier whose answers the test gives by hand. */
class HandVerifier implements Verifier {
  asked = Promise.resolve();
  readonly drafts: Draft[] = [];
  closed = 0;
  #answers: (Verdict | Done | Error)[] = [];
  #wake: (() => void) | null = null;

  give(answer: Verdict | Done | Error): void {
    this.#answers.push(answer);
    this.#wake?.();
    this.#wake = null;
  }

  submit(draft: Draft): void {
    this.drafts.push(draft);
  }

  get ready(): boolean {
    return this.#answers.length > 0;
  }

  async next(): Promise<Verdict | Done> {
    while (this.#answers.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const answer = this.#answers.shift()!;
    if (answer instanceof Error) throw answer;
    return answer;
  }

  close(): void {
    this.closed++;
  }
}

const verdict = (position: number, kept: number, tokens: number[], passes: number, arrivalMs?: number): Verdict => ({
  position,
  kept,
  tokens,
  passes,
  scored: 0,
  stepMs: 10,
  waitMs: 0,
  arrival: arrivalMs === undefined ? undefined : { position, tokens: 4, ms: arrivalMs },
});

const window = (policy: Partial<WindowPolicy> = {}, history = new History()) =>
  new Window({ maxDraft: 4, fallback: 0, patience: 1000, spare: "passes", bets: false, ...policy }, history);

/** Proposes the numbers that follow the last token: 5 → 6 7 8 … */
const counting = (delayMs = 0) => new GuessDrafter((timeline) => timeline.at(-1)! + 1, delayMs);

/** Lets everything that can run without the test run. */
const settle = () => sleep(5);

async function nextStep(run: AsyncGenerator<Step, unknown>): Promise<Step> {
  const result = await run.next();
  expect(result.done).toBe(false);
  return result.value as Step;
}

describe("what a verdict refuses", () => {
  const told = async (recycled: (number | null)[] | undefined) => {
    const lessons: Parameters<NonNullable<Drafter["learn"]>>[] = [];
    const drafter = Object.assign(counting(), {
      learn: (timeline: readonly number[], ...rest: [number, Refused?]) => void lessons.push([[...timeline], ...rest]),
    });
    const verifier = new HandVerifier();
    const { steps: run, idle } = generate([1, 2], drafter, verifier, window());
    verifier.give(verdict(2, 0, [3], 1));
    await nextStep(run);
    await eventually(() => expect(verifier.drafts.at(-1)?.tokens).toEqual([4, 5, 6, 7]));
    verifier.give({ ...verdict(3, 1, [4, 9], 2), scored: 4, recycled });
    await nextStep(run);
    await eventually(() => expect(verifier.drafts.at(-1)?.tokens[0]).toBe(10));
    await run.return({} as Summary);
    await idle();
    return lessons;
  };

  test("is told to the drafter with the target's own tokens, once", async () => {
    expect(await told([60, null, 80])).toEqual([
      [[1, 2, 3], 2, undefined],
      [[1, 2, 3, 4, 9], 3, { tokens: [5, 6, 7], next: [60, null, 80] }],
    ]);
  });

  test.each([[undefined], [[60]], [[]]])("is not told where the origin says %j of it", async (recycled) => {
    expect((await told(recycled)).at(-1)).toEqual([[1, 2, 3, 4, 9], 3, undefined]);
  });
});

describe("tokens", () => {
  test("of each verdict are appended and yielded, flagged kept or decided", async () => {
    const verifier = new HandVerifier();
    const timeline = [1, 2];
    const { steps: run } = generate(timeline, null, verifier, window());
    verifier.give(verdict(2, 0, [3], 1));
    verifier.give(verdict(3, 2, [4, 5, 9], 2));
    verifier.give({ reason: "length" });
    expect((await nextStep(run)).tokens).toEqual([{ id: 3, kept: false }]);
    expect((await nextStep(run)).tokens).toEqual([
      { id: 4, kept: true },
      { id: 5, kept: true },
      { id: 9, kept: false },
    ]);
    expect(timeline).toEqual([1, 2, 3, 4, 5, 9]);
    expect(await run.next()).toMatchObject({ done: true, value: { reason: "length", passes: 2, kept: 2, drafted: 0 } });
    expect(verifier.closed).toBeGreaterThan(0);
  });

  test("do not wait for the drafter, not the first ones and not the end", async () => {
    const verifier = new HandVerifier();
    const hanging: Drafter = { sync: () => new Promise(() => {}), propose: () => new Promise(() => {}) };
    const { steps: run } = generate([1], hanging, verifier, window());
    verifier.give(verdict(1, 0, [2], 1));
    expect((await nextStep(run)).tokens).toEqual([{ id: 2, kept: false }]);
    verifier.give(verdict(2, 0, [3], 2));
    expect((await nextStep(run)).tokens).toEqual([{ id: 3, kept: false }]);
    verifier.give({ reason: "stop" });
    expect((await run.next()).value).toMatchObject({ reason: "stop", passes: 2 });
  });
});

describe("drafts", () => {
  test("are made from every verdict; before the first the drafter only reads the prompt", async () => {
    const verifier = new HandVerifier();
    const drafter = counting();
    const { steps: run } = generate([4, 5], drafter, verifier, window());
    const first = run.next();
    await settle();
    expect(verifier.drafts).toEqual([]);
    expect(drafter.syncs).toBe(1);

    verifier.give(verdict(2, 0, [6], 1));
    await first;
    await settle();
    expect(verifier.drafts).toEqual([{ position: 3, tokens: [7, 8, 9, 10] }]);

    verifier.give({ ...verdict(3, 2, [7, 8, 20], 2), scored: 4 }); // 20 instead of 9
    expect((await nextStep(run)).tokens).toEqual([
      { id: 7, kept: true },
      { id: 8, kept: true },
      { id: 20, kept: false, rejected: [9, 10] },
    ]);
    await settle();
    expect(verifier.drafts).toEqual([
      { position: 3, tokens: [7, 8, 9, 10] },
      { position: 6, tokens: [21, 22, 23, 24] },
    ]);

    verifier.give({ reason: "length" });
    expect((await run.next()).value).toMatchObject({
      drafted: 8,
      verified: 3,
      kept: 2,
    });
  });

  test("on a processor that the target needs begin after the first verdict, and only where passes are to be spared", async () => {
    const shared = { sharedCpu: true, patience: 1000 } as const;
    for (const { spare, syncs } of [
      { spare: "passes", syncs: 1 },
      { spare: "time", syncs: 0 },
    ] as const) {
      const verifier = new HandVerifier();
      const drafter = counting();
      const { steps: run } = generate([4, 5], drafter, verifier, window({ ...shared, spare }));
      const first = run.next();
      await settle();
      expect(drafter.syncs).toBe(0);
      verifier.give(verdict(2, 0, [6], 1));
      await first;
      await settle();
      expect(drafter.syncs).toBe(syncs);
      verifier.give({ reason: "stop" });
      await run.next();
    }
  });

  test("take siblings along for a target that verifies them; a kept one ends what was drafted after it", async () => {
    const verifier = new HandVerifier();
    const drafter = new GuessDrafter((timeline) => timeline.at(-1)! + 1, 0, [(timeline) => timeline.at(-1)! + 50]);
    const { steps: run } = generate([4, 5], drafter, verifier, window({ maxDraft: 7 }));
    verifier.give({ ...verdict(2, 0, [6], 1), siblings: true });
    await nextStep(run);
    await settle();
    // A confidence of 0.8 is trusted with 0.85: 0.85, 0.72, 0.61, 0.52, 0.44 in the chain, 0.5 and 0.43 beside it.
    const [draft] = verifier.drafts;
    expect(draft).toEqual({
      position: 3,
      tokens: [7, 8, 9, 10, 11],
      siblings: [
        { at: 0, id: 56 },
        { at: 1, id: 57 },
      ],
    });
    verifier.give({ ...verdict(3, 2, [7, 57, 58], 2), scored: 7, siblings: true });
    expect((await nextStep(run)).tokens.map(({ kept }) => kept)).toEqual([true, true, false]);
    await settle();
    expect(verifier.drafts[1]).toMatchObject({ position: 6, tokens: [59, 60, 61, 62] });
    verifier.give({ reason: "length" });
    expect((await run.next()).value).toMatchObject({
      drafted: 14,
      verified: 2,
      kept: 2,
    });
  });

  test("cost nothing before the target has been asked, nor where none are wanted", async () => {
    const verifier = new HandVerifier();
    const { promise, resolve: asked } = Promise.withResolvers<void>();
    verifier.asked = promise;
    const drafter = counting();
    const first = generate([4, 5], drafter, verifier, window()).steps.next();
    await settle();
    expect(drafter.syncs).toBe(0);
    asked();
    await settle();
    expect(drafter.syncs).toBe(1);
    verifier.give({ reason: "stop" });
    await first;

    const far = new History(evenCosts(500, 20, 8, 0.5));
    const streaming = new HandVerifier();
    const idler = counting();
    const { steps: run } = generate([4, 5], idler, streaming, window({ patience: 0, spare: "time" }, far));
    for (let i = 0; i < 3; i++) {
      streaming.give(verdict(2 + i, 0, [6], 1 + i));
      await nextStep(run);
      await settle();
    }
    expect(idler.syncs).toBe(0);
    streaming.give({ reason: "stop" });
    await run.next();
  });

  test("stand while the verdicts of a streaming origin agree with them, and are added to", async () => {
    const verifier = new HandVerifier();
    const history = new History(evenCosts(1, 0.1, 50, 0));
    const { steps: run } = generate([4, 5], counting(), verifier, window({ patience: 0 }, history));
    verifier.give(verdict(2, 0, [6], 1));
    await nextStep(run);
    // Of what is ahead a pass scores four tokens, as the policy says. A confidence of 0.8 is trusted with 0.85.
    const ahead = (position: number, from: number, n: number) => ({
      ...{ position, tokens: Array.from({ length: n }, (_, i) => from + i) },
      ...(n > 4 && { most: 4 }),
    });
    const growing = Array.from({ length: MOST_AHEAD }, (_, n) => ahead(3, 7, n + 1));
    await eventually(() => expect(verifier.drafts).toEqual(growing));

    verifier.give(verdict(3, 0, [7], 2)); // decided before the draft came
    await nextStep(run);
    await eventually(() => expect(verifier.drafts.at(-1)).toEqual(ahead(4, 8, MOST_AHEAD)));

    verifier.give({ ...verdict(4, 3, [8, 9, 10, 11], 3), scored: 3 }); // all that had arrived
    await nextStep(run);
    await eventually(() => expect(verifier.drafts.at(-1)).toEqual(ahead(8, 12, MOST_AHEAD)));

    verifier.give({ reason: "length" });
    expect((await run.next()).value).toMatchObject({ drafted: 20, verified: 3, kept: 3, thrown: 17 });
  });

  test("say how many of their tokens are worth a position of one pass", async () => {
    const history = new History(evenCosts(1, 0.1, 10, 7));
    const verifier = new HandVerifier();
    const { steps: run } = generate([4, 5], counting(), verifier, window({ patience: 0, spare: "time" }, history));
    verifier.give(verdict(2, 0, [6], 1));
    await nextStep(run);
    await eventually(() => expect(verifier.drafts.length).toBeGreaterThan(3));
    // 8.5 ms saved by the first token, 7.2 by the second, 6.1 by the third.
    expect(verifier.drafts.slice(0, 3)).toEqual([
      { position: 3, tokens: [7] },
      { position: 3, tokens: [7, 8] },
      { position: 3, tokens: [7, 8, 9], most: 2 },
    ]);
    verifier.give({ reason: "stop" });
    await run.next();
  });

  test("that do not pay are declined without troubling the drafter", async () => {
    const history = new History(evenCosts(1, 50, 8, 5));
    const verifier = new HandVerifier();
    const drafter = counting();
    const { steps: run } = generate([5], drafter, verifier, window({ spare: "time" }, history));
    verifier.give(verdict(1, 0, [6], 1));
    await nextStep(run);
    await settle();
    verifier.give(verdict(2, 0, [7], 2));
    await nextStep(run);
    await settle();
    expect(verifier.drafts).toEqual([
      { position: 2, tokens: [] },
      { position: 3, tokens: [] },
    ]);
    expect(drafter.syncs).toBeLessThanOrEqual(1);
    verifier.give({ reason: "stop" });
    await run.next();
  });

  test("that were thought too late are tried again, after the drafter has read what it missed", async () => {
    const history = new History(evenCosts(500, 20, 8, 0));
    const verifier = new HandVerifier();
    let read = () => {};
    let reads = 0;
    const drafter: Drafter = {
      // The first time there is much to read, and verdicts come meanwhile.
      sync: () => (reads++ === 0 ? new Promise<void>((done) => void (read = done)) : Promise.resolve()),
      propose: async () => [{ id: 7, confidence: 0.8, source: "model" }],
    };
    const { steps: run } = generate([4, 5], drafter, verifier, window({ patience: 0, spare: "time" }, history));
    for (let at = 2; at < 40; at++) {
      verifier.give(verdict(at, 0, [6], at - 1));
      await nextStep(run);
      await settle();
      if (reads === 1 && at % 4 === 0) read();
    }
    expect(reads).toBeGreaterThan(1);
    expect(verifier.drafts[0]?.tokens).toEqual([7]);
    verifier.give({ reason: "stop" });
    await run.next();
  });

  test("stop early when a verdict arrives; the rest is sent if it agrees and dropped if it does not", async () => {
    for (const [decided, expected] of [
      [7, { position: 3, tokens: [8] }],
      [30, { position: 3, tokens: [] }],
    ] as const) {
      const verifier = new HandVerifier();
      const { promise: started, resolve: start } = Promise.withResolvers<void>();
      const { promise: held, resolve: release } = Promise.withResolvers<void>();
      let calls = 0;
      const drafter: Drafter = {
        async sync() {},
        async propose(_max, more): Promise<readonly Proposed[]> {
          if (calls++ > 0) return [];
          expect(more({ confidence: 0.9 })).toBe(true);
          start();
          await held;
          expect(more({ confidence: 0.9 })).toBe(false);
          return [7, 8].map((id) => ({ id, confidence: 0.9, source: "model" }));
        },
      };
      const { steps: run } = generate([5], drafter, verifier, window());
      verifier.give(verdict(1, 0, [6], 1));
      await nextStep(run);
      await started;
      verifier.give(verdict(2, 0, [decided], 2));
      await nextStep(run);
      release();
      await settle();
      expect(verifier.drafts).toEqual([expected]);
      verifier.give({ reason: "stop" });
      await run.next();
    }
  });

  test("when there are none, are declined where the origin waits and not mentioned where it streams", async () => {
    for (const waits of [true, false]) {
      const verifier = new HandVerifier();
      const { steps: run } = generate(
        [5],
        new GuessDrafter(() => null),
        verifier,
        window({ patience: waits ? 1000 : 0 }),
      );
      verifier.give(verdict(1, 0, [6], 1));
      await nextStep(run);
      await settle();
      expect(verifier.drafts).toEqual(waits ? [{ position: 2, tokens: [] }] : []);
      verifier.give({ reason: "stop" });
      await run.next();
    }
  });

  test("are not started while verdicts are waiting to be taken", async () => {
    const verifier = new HandVerifier();
    const { steps: run } = generate([5], counting(), verifier, window());
    for (let i = 0; i < 3; i++) verifier.give(verdict(1 + i, 0, [50 + i], 1 + i));
    for (let i = 0; i < 3; i++) await nextStep(run);
    await settle();
    expect(verifier.drafts).toEqual([{ position: 4, tokens: [53, 54, 55, 56] }]);
    verifier.give({ reason: "stop" });
    await run.next();
  });

  test("never exceed the window, whatever the drafter returns", async () => {
    const verifier = new HandVerifier();
    const greedy: Drafter = {
      sync: async () => {},
      propose: async () => Array.from({ length: 50 }, (_, id) => ({ id, confidence: 0.5, source: "model" })),
    };
    const { steps: run } = generate([5], greedy, verifier, window());
    verifier.give(verdict(1, 0, [6], 1));
    await nextStep(run);
    await settle();
    expect(verifier.drafts).toEqual([{ position: 2, tokens: [0, 1, 2, 3] }]);
    verifier.give({ reason: "stop" });
    expect(await run.next()).toMatchObject({ done: true, value: { drafted: 4 } });
  });
});

describe("a bet, drafted behind a draft that has no verdict yet", () => {
  const near = () => new History(evenCosts(40, 10, 50, 0), 0.85);
  const BETS = { bets: true, spare: "time" } as const;

  test("is sent token by token behind the draft, stands if it is won, and goes with the wrong token if it is lost", async () => {
    const verifier = new HandVerifier();
    const { steps: run } = generate([4, 5], counting(1), verifier, window(BETS, near()));
    verifier.give(verdict(2, 0, [6], 1));
    await nextStep(run);
    await eventually(() => expect(verifier.drafts.at(-1)?.tokens.length).toBeGreaterThan(7));
    const [first, second] = verifier.drafts;
    const { length } = first!.tokens;
    expect(first).toEqual({ position: 3, tokens: [7, 8, 9, 10].slice(0, length) });
    expect(second).toMatchObject({ position: 3, tokens: [7, 8, 9, 10, 11, 12].slice(0, length + 1) });

    // All kept, and the target's own token is the one that the drafter guessed: the bet stands as the next draft.
    const won = Array.from({ length: length + 1 }, (_, i) => 7 + i);
    const sent = verifier.drafts.length;
    verifier.give({ ...verdict(3, length, won, 2), scored: length });
    await nextStep(run);
    await eventually(() => expect(verifier.drafts.length).toBeGreaterThan(sent));
    expect(verifier.drafts[sent]).toMatchObject({ position: 4 + length });
    expect(verifier.drafts[sent]!.tokens.slice(0, 2)).toEqual([8 + length, 9 + length]);
    expect(verifier.drafts[sent]!.tokens.length).toBeGreaterThan(1);

    // The next verdict refuses its first token: what was drafted behind it belongs to another timeline.
    const lost = verifier.drafts.length;
    verifier.give({ ...verdict(4 + length, 0, [500], 3), scored: 4 });
    await nextStep(run);
    await eventually(() => expect(verifier.drafts.at(-1)?.tokens[0]).toBe(501));
    for (const { tokens } of verifier.drafts.slice(lost + 1)) expect(tokens[0]).toBe(501);
    verifier.give({ reason: "length" });
    const { value } = await run.next();
    expect(value).toMatchObject({ kept: length, verified: length + 1 });
    expect((value as Summary).thrown).toBeGreaterThan(4);
  });

  test("is sent as a whole where passes are spared, and at once once it is won", async () => {
    const verifier = new HandVerifier();
    const { steps: run } = generate([4, 5], counting(1), verifier, window({ ...BETS, spare: "passes" }, near()));
    verifier.give(verdict(2, 0, [6], 1));
    await nextStep(run);
    await eventually(() => expect(verifier.drafts.length).toBeGreaterThan(1));
    expect(verifier.drafts.slice(0, 2)).toEqual([
      { position: 3, tokens: [7, 8, 9, 10] },
      { position: 3, tokens: [7, 8, 9, 10, 11, 12, 13, 14, 15], most: 4 },
    ]);
    verifier.give({ reason: "stop" });
    await run.next();
  });

  test("is not placed where it promises less than its steps cost", async () => {
    const verifier = new HandVerifier();
    const history = new History({ roundTripMs: 0, draftStepMs: 0.01, passMs: 1000 });
    const { steps: run } = generate([4, 5], counting(), verifier, window(BETS, history));
    verifier.give(verdict(2, 0, [6], 1));
    await nextStep(run);
    await sleep(20);
    expect(verifier.drafts).toHaveLength(1);
    verifier.give({ reason: "stop" });
    await run.next();
  });

  test("costs no first draft its siblings", async () => {
    const verifier = new HandVerifier();
    const drafter = new GuessDrafter((timeline) => timeline.at(-1)! + 1, 1, [(timeline) => timeline.at(-1)! + 50]);
    const { steps: run } = generate([4, 5], drafter, verifier, window({ ...BETS, maxDraft: 7 }, near()));
    verifier.give({ ...verdict(2, 0, [6], 1), siblings: true });
    await nextStep(run);
    await eventually(() => expect(verifier.drafts.length).toBeGreaterThan(2));
    const [first, second] = verifier.drafts;
    expect(first!.siblings!.length).toBeGreaterThan(0);
    expect(second!.siblings).toEqual(first!.siblings);
    // Siblings are no positions at which a chain's token is judged.
    const { length } = first!.tokens;
    const scored = length + first!.siblings!.length;
    const tokens = Array.from({ length: length + 1 }, (_, i) => 7 + i);
    verifier.give({ ...verdict(3, length, tokens, 2), scored, siblingsScored: scored - length, siblings: true });
    expect((await nextStep(run)).verified).toBe(length);
    verifier.give({ reason: "stop" });
    await run.next();
  });
});

describe("failures", () => {
  test("a drafter that throws is reported, declines all positions, and the generation goes on", async () => {
    const verifier = new HandVerifier();
    const drafter = new GuessDrafter(() => {
      throw new Error("trap");
    });
    const { steps: run, idle } = generate([5], drafter, verifier, window());
    verifier.give(verdict(1, 0, [6], 1));
    expect((await nextStep(run)).draftError).toBeUndefined();
    await settle();
    expect(verifier.drafts).toEqual([{ position: Number.MAX_SAFE_INTEGER, tokens: [] }]);
    const { syncs } = drafter;
    verifier.give(verdict(2, 0, [7], 2));
    verifier.give(verdict(3, 0, [8], 3));
    for (let n = 0; n < 2; n++) expect((await nextStep(run)).draftError).toMatchObject({ message: "trap" });
    verifier.give({ reason: "length" });
    expect((await run.next()).value).toMatchObject({ reason: "length", draftError: { message: "trap" } });
    await idle();
    expect(drafter.syncs).toBe(syncs);
  });

  test("a lost origin rejects with its error, and closes", async () => {
    const verifier = new HandVerifier();
    const { steps: run } = generate([5], counting(), verifier, window());
    verifier.give(new OutriderError("origin_lost", "gone", { status: 503 }));
    await expect(run.next()).rejects.toMatchObject({ code: "origin_lost" });
    expect(verifier.closed).toBeGreaterThan(0);
  });

  test("a client that leaves closes the origin and stops the drafter", async () => {
    const verifier = new HandVerifier();
    const drafter = counting(2);
    const { steps: run, idle } = generate([5], drafter, verifier, window());
    verifier.give(verdict(1, 0, [6], 1));
    await nextStep(run);
    await run.return(undefined as never);
    expect(verifier.closed).toBeGreaterThan(0);
    await idle();
    const { syncs } = drafter;
    await sleep(20);
    expect(drafter.syncs).toBe(syncs);
  });
});

test("a drafter is idle once the slice of work under way is done, and then serves the next generation", async () => {
  let working = 0;
  let most = 0;
  let release = () => {};
  let held = true;
  const drafter: Drafter = {
    async sync() {
      most = Math.max(most, ++working);
      if (held) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      working--;
    },
    propose: async () => [],
  };
  const first = new HandVerifier();
  const second = new HandVerifier();
  const left = generate([1], drafter, first, window());
  await left.idle();
  first.give(verdict(1, 0, [2], 1));
  await nextStep(left.steps);
  await eventually(() => expect(working).toBe(1));
  await left.steps.return(undefined as never);
  expect(working).toBe(1);
  held = false;
  release();
  await left.idle();
  expect(working).toBe(0);
  const { steps, idle } = generate([1, 2], drafter, second, window());
  second.give(verdict(2, 0, [3], 1));
  await nextStep(steps);
  await eventually(() => expect(second.drafts).toEqual([{ position: 3, tokens: [] }]));
  expect(most).toBe(1);
  second.give({ reason: "stop" });
  await steps.next();
  await idle();
  expect(working).toBe(0);
});

describe("what a session learns", () => {
  test("is acceptance up to the first wrong token, and times where the origin waits", async () => {
    const history = new History(evenCosts(30, 5, 10, 0));
    const verifier = new HandVerifier();
    const { steps: run } = generate([1], counting(), verifier, window({}, history));
    const before = history.acceptance(0.8);
    let position = 1;
    for (let pass = 1; pass <= 60; pass++) {
      await settle();
      const last = position === 1 ? 1 : position * 100;
      // The first draft token is right, the second is not.
      verifier.give(verdict(position, pass === 1 ? 0 : 1, [last + 1, (position + 2) * 100], pass, 90));
      await nextStep(run);
      position += 2;
    }
    verifier.give({ reason: "stop" });
    await run.next();
    expect(before).toBeCloseTo(0.85);
    expect(history.acceptance(0.8)).toBeGreaterThan(0.45);
    expect(history.acceptance(0.8)).toBeLessThan(0.6);
    const { roundTripMs, draftStepMs } = history.costs;
    expect(roundTripMs + 4 * draftStepMs).toBeGreaterThan(80);
    expect(roundTripMs + 4 * draftStepMs).toBeLessThan(91);
  });
});
