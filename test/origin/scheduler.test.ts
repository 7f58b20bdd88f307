import { describe, expect, test } from "vitest";
import { Drafts } from "../../src/origin/drafts.ts";
import { decideAll, type Task } from "../../src/origin/scheduler.ts";
import { GREEDY, type Verdict } from "../../src/speculate/types.ts";
import { reference, sleep, V } from "../support/scripted.ts";
import { ScriptedEngine } from "../support/scripted-engine.ts";

const PROMPT = [3, 1, 4, 1, 5];
const ANSWER = reference(PROMPT, GREEDY, 200, []).tokens;

function setUp(task: Partial<Task> = {}) {
  const engine = new ScriptedEngine();
  const sequence = engine.open();
  sequence.append(PROMPT);
  const drafts = new Drafts(() => performance.now());
  const verdicts: Verdict[] = [];
  const state = { alive: true };
  /** Called after each verdict, before the next pass. */
  let react: (verdict: Verdict) => void = () => {};
  const run = () =>
    decideAll(
      sequence,
      {
        sampling: GREEDY,
        rule: { kind: "exact" },
        stop: new Set(),
        patience: 0,
        mostPatience: 600_000,
        maxTokens: 20,
        context: 4096,
        maxDraft: 15,
        siblings: true,
        ...task,
      },
      drafts,
      {
        alive: () => state.alive,
        emit: (verdict) => {
          verdicts.push(verdict);
          react(verdict);
        },
        now: () => performance.now(),
      },
    );
  return {
    engine,
    sequence,
    drafts,
    verdicts,
    state,
    run,
    onVerdict: (reaction: (verdict: Verdict) => void) => {
      react = reaction;
    },
  };
}

/** A draft whose token `at` is wrong, the right one being a sibling of it, behind one that is none. */
const savedDraft = (right: { position: number; tokens: readonly number[] }, at: number) => {
  const id = right.tokens[at]!;
  const tokens = right.tokens.map((token, i) => (i === at ? (id + 1) % V : token));
  const none = { at, id: (id + 2) % V };
  return { position: right.position, tokens, siblings: [none, { at, id }, { at: tokens.length, id }] };
};

/** The right draft of n tokens after a verdict. */
const rightDraft = ({ position, tokens }: Verdict, n: number) => {
  const at = position + tokens.length;
  return { position: at, tokens: ANSWER.slice(at - PROMPT.length, at - PROMPT.length + n) };
};

describe("siblings", () => {
  test.each([
    ["are judged with the draft, and say so", { siblings: true }, [0, 4, 0], [0, 7, 0]],
    ["are cut with it", { siblings: true, maxDraft: 6 }, [0, 3, 0], [0, 6, 0]],
    ["keep their room where few tokens may follow", { siblings: true, maxTokens: 6 }, [0, 4], [0, 6]],
    ["are left out for an engine that judges none", { siblings: false }, [0, 3, 0], [0, 5, 0]],
  ] as [string, Partial<Task>, number[], number[]][])("%s", async (_, task, kept, scored) => {
    const { run, verdicts, onVerdict, drafts } = setUp({ maxTokens: 9, ...task });
    onVerdict((verdict) => {
      if (verdict.passes === 1) drafts.put(savedDraft(rightDraft(verdict, 5), 3));
    });
    await run();
    expect(verdicts.flatMap(({ tokens }) => tokens)).toEqual(ANSWER.slice(0, task.maxTokens ?? 9));
    expect(verdicts.slice(0, 3).map((verdict) => verdict.kept)).toEqual(kept);
    expect(verdicts.slice(0, 3).map((verdict) => verdict.scored)).toEqual(scored);
    expect(verdicts.every(({ siblings = false }) => siblings === task.siblings)).toBe(true);
  });
});

describe("with patience 0", () => {
  test("streams one token a pass, the first from the prompt's own pass", async () => {
    const { run, verdicts, engine, sequence } = setUp();
    expect(await run()).toEqual({ reason: "length", decided: 20, passes: 20 });
    expect(verdicts.map(({ position, kept, tokens }) => [position, kept, ...tokens])).toEqual(
      ANSWER.slice(0, 20).map((id, i) => [PROMPT.length + i, 0, id]),
    );
    expect(verdicts.map(({ passes }) => passes)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(engine.passes).toBe(20);
    expect(sequence.timeline).toEqual([...PROMPT, ...ANSWER.slice(0, 20)]);
  });

  test("lets an engine stream that can, until a draft fits and again after it", async () => {
    const { run, verdicts, onVerdict, drafts, engine, sequence } = setUp();
    let [streams, ended] = [0, 0];
    sequence.stream = async function* (most) {
      streams++;
      try {
        for (let n = 0; n < most; n++) {
          const token = ANSWER[sequence.timeline.length - PROMPT.length]!;
          sequence.append([token]);
          yield token;
        }
      } finally {
        ended++;
      }
    };
    onVerdict((verdict) => {
      if (verdict.passes === 5) drafts.put(rightDraft(verdict, 6));
    });
    expect(await run()).toEqual({ reason: "length", decided: 20, passes: 14 });
    expect(verdicts.flatMap(({ tokens }) => tokens)).toEqual(ANSWER.slice(0, 20));
    expect(verdicts.map(({ kept }) => kept)).toEqual([0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect({ streams, ended, passes: engine.passes }).toEqual({ streams: 2, ended: 2, passes: 1 });
  });

  test.each([
    ["sampled", { sampling: { ...GREEDY, temperature: 0.8 } }],
    ["waited for", { patience: 5 }],
  ])("asks pass by pass what is %s", async (_, task) => {
    const { run, sequence } = setUp({ maxTokens: 2, ...task });
    sequence.stream = () => {
      throw new Error("not to be asked");
    };
    expect(await run()).toMatchObject({ decided: 2, passes: 2 });
    expect(sequence.timeline).toHaveLength(PROMPT.length + 2);
  });

  test("uses a draft that has arrived, and the rest of one that is late", async () => {
    const { run, verdicts, onVerdict, drafts } = setUp({ maxTokens: 12 });
    onVerdict((verdict) => {
      // Made from the first verdict, arriving after the third.
      if (verdict.passes === 3) drafts.put(rightDraft(verdicts[0]!, 6));
    });
    await run();
    expect(verdicts[3]).toMatchObject({ position: PROMPT.length + 3, kept: 4 });
    expect(verdicts.flatMap(({ tokens }) => tokens)).toEqual(ANSWER.slice(0, 12));
  });
});

test("streams without drafts where the engine judges none, and says so", async () => {
  const { run, verdicts, onVerdict, drafts } = setUp({ patience: 60_000, maxDraft: 0 });
  onVerdict((verdict) => drafts.put(rightDraft(verdict, 4)));
  expect(await run()).toMatchObject({ decided: 20, passes: 20 });
  expect(verdicts.every(({ kept, undrafted }) => kept === 0 && undrafted === true)).toBe(true);
});

test("waits as the newest draft says, and no longer than the operator allows", async () => {
  const { run, verdicts, onVerdict, drafts } = setUp({ patience: 60_000, mostPatience: 80, maxTokens: 8 });
  onVerdict(({ position, tokens, passes }) => {
    // Too far ahead to fit; only what it says of waiting counts.
    if (passes === 2) drafts.put({ position: position + tokens.length + 99, tokens: [1], patience: 0 });
  });
  await run();
  const waits = verdicts.map(({ waitMs }) => (waitMs >= 79 ? "most" : waitMs < 20 ? "none" : "other"));
  expect(waits).toEqual(["none", "most", ...new Array(6).fill("none")]);
});

describe("with patience", () => {
  test("waits for the draft and keeps what is right of it", async () => {
    const { run, verdicts, onVerdict, drafts } = setUp({ patience: 5000, maxTokens: 22 });
    onVerdict((verdict) => {
      const draft = rightDraft(verdict, 4);
      const tokens = verdict.passes % 2 === 0 ? draft.tokens.with(2, 39) : draft.tokens;
      setTimeout(() => drafts.put({ ...draft, tokens }), 10);
    });
    expect(await run()).toMatchObject({ decided: 22, passes: 6 });
    expect(verdicts.map(({ kept }) => kept)).toEqual([0, 4, 2, 4, 2, 4]);
    expect(verdicts.flatMap(({ tokens }) => tokens)).toEqual(ANSWER.slice(0, 22));
    for (const { waitMs } of verdicts.slice(1)) expect(waitMs).toBeGreaterThan(5);
  });

  test("does not wait where the drafter has declined, nor ever again once it declined all", async () => {
    const { run, verdicts, onVerdict, drafts } = setUp({ patience: 60_000 });
    onVerdict(({ position, tokens, passes }) => {
      if (passes < 10) drafts.put({ position: position + tokens.length, tokens: [] });
      if (passes === 10) drafts.put({ position: Number.MAX_SAFE_INTEGER, tokens: [] });
    });
    await run();
    expect(verdicts).toHaveLength(20);
  });

  test("decodes by itself when it runs out, twice; then only takes what has arrived, until a draft fits again", async () => {
    const { run, verdicts, onVerdict, drafts } = setUp({ patience: 60, maxTokens: 14 });
    onVerdict((verdict) => {
      if (verdict.passes === 6) drafts.put(rightDraft(verdict, 2));
    });
    await run();
    const waited = verdicts.map(({ waitMs }) => waitMs >= 59);
    //                       1st    two waits   streaming …          a draft, then two waits again
    expect(waited).toEqual([false, true, true, false, false, false, false, true, true, false, false, false]);
  });
});

test("a verdict tells how long after its predecessor a draft came, once, and of no other draft", async () => {
  const { run, verdicts, onVerdict, drafts } = setUp({ patience: 5000, maxTokens: 30 });
  onVerdict((verdict) => {
    const at = verdict.position + verdict.tokens.length;
    if (verdict.passes === 1) setTimeout(() => drafts.put({ position: at, tokens: [] }), 30);
    else if (verdict.passes === 2) setTimeout(() => drafts.put(rightDraft(verdict, 3)), 60);
    else drafts.put({ position: verdict.passes === 3 ? 1000 : Number.MAX_SAFE_INTEGER, tokens: [] });
  });
  await run();
  expect(verdicts[0]!.turn).toBeUndefined();
  expect(verdicts[1]!.turn!.position).toBe(PROMPT.length + 1);
  expect(verdicts[1]!.turn!.ms).toBeGreaterThan(28);
  expect(verdicts[2]!.turn!.position).toBe(PROMPT.length + 2);
  expect(verdicts[2]!.turn!.ms).toBeGreaterThan(58);
  expect(verdicts.slice(3).map(({ turn }) => turn)).toEqual(verdicts.slice(3).map(() => undefined));
});

describe("limits", () => {
  test("a draft never makes it decide more than is allowed", async () => {
    for (const limits of [{ maxTokens: 5 }, { context: PROMPT.length + 5 }]) {
      const { run, verdicts, onVerdict, drafts, sequence } = setUp({ patience: 1000, ...limits });
      onVerdict((verdict) => drafts.put(rightDraft(verdict, 15)));
      expect(await run()).toMatchObject({ reason: "length", decided: 5 });
      expect(verdicts.map(({ tokens }) => tokens.length)).toEqual([1, 4]);
      expect(sequence.timeline).toHaveLength(PROMPT.length + 5);
    }
  });

  test("never scores more draft tokens than the engine can", async () => {
    const { run, verdicts, onVerdict, drafts } = setUp({ patience: 1000, maxDraft: 3, maxTokens: 9 });
    onVerdict((verdict) => drafts.put(rightDraft(verdict, 15)));
    await run();
    expect(verdicts.map(({ kept }) => kept)).toEqual([0, 3, 3]);
  });

  test("stops at a stop token, kept or its own", async () => {
    const at = 6;
    const stop = new Set([ANSWER[at]!]);
    const first = ANSWER.indexOf(ANSWER[at]!) + 1;
    for (const patience of [0, 1000]) {
      const { run, verdicts, onVerdict, drafts } = setUp({ patience, stop });
      onVerdict((verdict) => drafts.put(rightDraft(verdict, 10)));
      expect(await run()).toMatchObject({ reason: "stop", decided: first });
      expect(verdicts.flatMap(({ tokens }) => tokens)).toEqual(ANSWER.slice(0, first));
    }
  });
});

describe("a client that leaves", () => {
  test("ends it within one pass", async () => {
    const { run, state, onVerdict, engine } = setUp();
    onVerdict(({ passes }) => {
      if (passes === 4) state.alive = false;
    });
    expect(await run()).toBeNull();
    expect(engine.passes).toBe(4);
  });

  test("ends it within one slice of a prompt, and while it waits for a draft", async () => {
    const long = setUp();
    long.sequence.append(Array.from({ length: 800 }, () => 1));
    long.engine.stepMs = 2;
    const prefilling = long.run();
    await sleep(20);
    long.state.alive = false;
    expect(await prefilling).toBeNull();
    expect(long.engine.slices).toBeLessThan(50);
    expect(long.engine.passes).toBe(0);

    const patient = setUp({ patience: 60_000 });
    const waiting = patient.run();
    await sleep(20);
    patient.state.alive = false;
    patient.drafts.wake();
    expect(await waiting).toBeNull();
    expect(patient.engine.passes).toBe(1);
  });
});

test("an engine that fails rejects with its error", async () => {
  const { run, engine, onVerdict } = setUp();
  onVerdict(({ passes }) => {
    if (passes === 2) engine.fault = new Error("out of memory");
  });
  await expect(run()).rejects.toThrow("out of memory");
});
