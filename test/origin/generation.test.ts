import { describe, expect, test } from "vitest";
import { type Draft, GREEDY, type Sampling, type Verdict } from "../../src/core/speculate/types.ts";
import { type OpenFrame, PROTOCOL_VERSION } from "../../src/core/verify/protocol.ts";
import { Generation } from "../../src/origin/generation.ts";
import { Sequences, type Wish } from "../../src/origin/sequences.ts";
import { reference, sleep, V } from "../support/scripted.ts";
import { ScriptedEngine } from "../support/scripted-engine.ts";

const PROMPT = [3, 1, 4, 1, 5];
const ANSWER = reference(PROMPT, GREEDY, 200, []).tokens;

/** What an edge asks for, and what the engine and its operator set. */
interface Setting extends Partial<Pick<OpenFrame, "sampling" | "stop" | "patience" | "maxTokens">> {
  readonly context?: number;
  readonly maxDraft?: number;
  readonly siblings?: boolean;
  readonly drawsItself?: boolean;
  readonly mostPatience?: number;
  readonly prompt?: readonly number[];
}

/** For the session of these tests, as long as its prompt is. */
function wishOf(sequences: Sequences): Wish {
  const claim = { tenant: "", ticket: sequences.ticket(), left: () => 20 };
  sequences.shares.enter(claim);
  return { session: "s", claim, tokens: 1, idleMs: 60_000 };
}

async function setUp({
  context = 4096,
  maxDraft = 15,
  siblings = true,
  drawsItself = false,
  mostPatience = 600_000,
  ...asked
}: Setting = {}) {
  const engine = new ScriptedEngine();
  engine.context = context;
  engine.capabilities = { ...engine.capabilities, maxDraft, siblings, drafted: () => !drawsItself };
  const now = () => performance.now();
  const sequences = new Sequences(engine, { live: 1, kept: 1, idleMs: 60_000 }, now);
  const prompt = [...(asked.prompt ?? PROMPT)];
  const open: OpenFrame = {
    ...{ type: "open", version: PROTOCOL_VERSION, model: "scripted", vocabulary: "", session: "s", keep: 0 },
    ...{ keepHash: "", rule: { kind: "exact" }, sampling: GREEDY, stop: [], patience: 0, maxTokens: 20 },
    ...asked,
    prompt,
  };
  const generation = new Generation(open, { engine, mostPatience, now });
  const lease = (await sequences.lease(wishOf(sequences)))!;
  lease.sequence.append(prompt);
  const verdicts: Verdict[] = [];
  /** Called after each verdict, before the next pass. */
  let react: (verdict: Verdict) => void = () => {};
  const run = async () => {
    const reason = await generation.decide(lease, (verdict) => {
      verdicts.push(verdict);
      react(verdict);
    });
    return reason && { reason, decided: generation.decided, passes: generation.passes };
  };
  return {
    engine,
    sequences,
    sequence: lease.sequence,
    draft: (draft: Draft) => generation.draft(draft),
    leave: () => generation.leave(),
    verdicts,
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
    ["are scored with the draft, and the verdict reports them", { siblings: true }, [0, 4, 0], [0, 7, 0]],
    ["are cut with it", { siblings: true, maxDraft: 6 }, [0, 3, 0], [0, 6, 0]],
    ["may still go where few tokens may follow", { siblings: true, maxTokens: 6 }, [0, 4], [0, 6]],
    ["are left out for an engine that verifies none", { siblings: false }, [0, 3, 0], [0, 5, 0]],
  ] as [string, Setting, number[], number[]][])("%s", async (_, task, kept, scored) => {
    const { run, verdicts, onVerdict, draft } = await setUp({ maxTokens: 9, ...task });
    onVerdict((verdict) => {
      if (verdict.passes === 1) draft(savedDraft(rightDraft(verdict, 5), 3));
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
    const { run, verdicts, engine, sequence } = await setUp();
    expect(await run()).toEqual({ reason: "length", decided: 20, passes: 20 });
    expect(verdicts.map(({ position, kept, tokens }) => [position, kept, ...tokens])).toEqual(
      ANSWER.slice(0, 20).map((id, i) => [PROMPT.length + i, 0, id]),
    );
    expect(verdicts.map(({ passes }) => passes)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(engine.passes).toBe(20);
    expect(sequence.timeline).toEqual([...PROMPT, ...ANSWER.slice(0, 20)]);
  });

  test("lets an engine stream that can, until a draft fits and again after it", async () => {
    const { run, verdicts, onVerdict, draft, engine, sequence } = await setUp();
    let streams = 0;
    let ended = 0;
    sequence.stream = async function* (_, most) {
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
      if (verdict.passes === 5) draft(rightDraft(verdict, 6));
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
    const { run, sequence } = await setUp({ maxTokens: 2, ...task });
    sequence.stream = () => {
      throw new Error("not to be asked");
    };
    expect(await run()).toMatchObject({ decided: 2, passes: 2 });
    expect(sequence.timeline).toHaveLength(PROMPT.length + 2);
  });

  test("uses a draft that has arrived, and the rest of one that is late", async () => {
    const { run, verdicts, onVerdict, draft } = await setUp({ maxTokens: 12 });
    onVerdict((verdict) => {
      // Made from the first verdict, arriving after the third.
      if (verdict.passes === 3) draft(rightDraft(verdicts[0]!, 6));
    });
    await run();
    expect(verdicts[3]).toMatchObject({ position: PROMPT.length + 3, kept: 4 });
    expect(verdicts.flatMap(({ tokens }) => tokens)).toEqual(ANSWER.slice(0, 12));
  });
});

test("the first verdict alone says what the engine thinks that positions cost", async () => {
  const { run, verdicts, engine } = await setUp({ maxTokens: 3 });
  engine.passCost = { 1: 1, 3: 1.2, 8: 2.15 };
  await run();
  expect(verdicts.map(({ passCost }) => passCost)).toEqual([{ 1: 1, 3: 1.2, 8: 2.15 }, undefined, undefined]);
});

test("streams without drafts where the engine verifies none, and reports it", async () => {
  const { run, verdicts, onVerdict, draft } = await setUp({ patience: 60_000, maxDraft: 0 });
  onVerdict((verdict) => draft(rightDraft(verdict, 4)));
  expect(await run()).toMatchObject({ decided: 20, passes: 20 });
  expect(verdicts.every(({ kept, undrafted }) => kept === 0 && undrafted === true)).toBe(true);
});

test("streams what an engine draws by itself, and not what it would only say greedily", async () => {
  for (const drawsItself of [true, false]) {
    const sampling = { ...GREEDY, temperature: 1 };
    const { run, verdicts, sequence } = await setUp({ sampling, maxDraft: 0, maxTokens: 5, drawsItself });
    const asked: Sampling[] = [];
    sequence.stream = async function* (sampling, most) {
      asked.push(sampling);
      for (let n = 0; n < most; n++) {
        sequence.append([n]);
        yield n;
      }
    };
    await run();
    expect(asked).toEqual(drawsItself ? [sampling] : []);
    const { tokens } = reference(PROMPT, sampling, 5, []);
    expect(verdicts.flatMap(({ tokens }) => tokens)).toEqual(drawsItself ? [0, 1, 2, 3, 4] : tokens);
  }
});

test("waits as the newest draft says, and no longer than the operator allows", async () => {
  const { run, verdicts, onVerdict, draft } = await setUp({ patience: 60_000, mostPatience: 80, maxTokens: 8 });
  onVerdict(({ position, tokens, passes }) => {
    // Too far ahead to fit; only what it says of waiting counts.
    if (passes === 2) draft({ position: position + tokens.length + 99, tokens: [1], patience: 0 });
  });
  await run();
  const waits = verdicts.map(({ waitMs }) => (waitMs >= 79 ? "most" : waitMs < 20 ? "none" : "other"));
  expect(waits).toEqual(["none", "most", ...new Array(6).fill("none")]);
});

describe("with patience", () => {
  test("waits for the draft and keeps what is right of it", async () => {
    const { run, verdicts, onVerdict, draft } = await setUp({ patience: 5000, maxTokens: 22 });
    onVerdict((verdict) => {
      const { position, tokens } = rightDraft(verdict, 4);
      setTimeout(() => draft({ position, tokens: verdict.passes % 2 === 0 ? tokens.with(2, 39) : tokens }), 10);
    });
    expect(await run()).toMatchObject({ decided: 22, passes: 6 });
    expect(verdicts.map(({ kept }) => kept)).toEqual([0, 4, 2, 4, 2, 4]);
    expect(verdicts.flatMap(({ tokens }) => tokens)).toEqual(ANSWER.slice(0, 22));
    // On a busy machine a timer may fire before the pass that it was set in has ended.
    expect(Math.max(...verdicts.slice(1).map(({ waitMs }) => waitMs))).toBeGreaterThan(5);
  });

  test("does not wait where the drafter has declined, nor ever again once it declined all", async () => {
    const { run, verdicts, onVerdict, draft } = await setUp({ patience: 60_000 });
    onVerdict(({ position, tokens, passes }) => {
      if (passes < 10) draft({ position: position + tokens.length, tokens: [] });
      if (passes === 10) draft({ position: Number.MAX_SAFE_INTEGER, tokens: [] });
    });
    await run();
    expect(verdicts).toHaveLength(20);
  });

  test("decodes by itself after waiting in vain; after two such waits it waits again once a draft fits", async () => {
    const { run, verdicts, onVerdict, draft } = await setUp({ patience: 60, maxTokens: 14 });
    onVerdict((verdict) => {
      if (verdict.passes === 6) draft(rightDraft(verdict, 2));
    });
    await run();
    const waited = verdicts.map(({ waitMs }) => waitMs >= 59);
    //                       1st    two waits   streaming …          a draft, then two waits again
    expect(waited).toEqual([false, true, true, false, false, false, false, true, true, false, false, false]);
  });
});

test("a verdict reports once how long after its predecessor the newest draft arrived", async () => {
  const { run, verdicts, onVerdict, draft } = await setUp({ patience: 5000, maxTokens: 30 });
  onVerdict((verdict) => {
    const at = verdict.position + verdict.tokens.length;
    if (verdict.passes === 1) setTimeout(() => draft({ position: at, tokens: [] }), 30);
    else if (verdict.passes === 2) setTimeout(() => draft(rightDraft(verdict, 3)), 60);
    else draft({ position: verdict.passes === 3 ? 1000 : Number.MAX_SAFE_INTEGER, tokens: [] });
  });
  await run();
  expect(verdicts[0]!.arrival).toBeUndefined();
  expect(verdicts[1]!.arrival!.position).toBe(PROMPT.length + 1);
  expect(verdicts[1]!.arrival!.ms).toBeGreaterThan(28);
  expect(verdicts[2]!.arrival!.position).toBe(PROMPT.length + 2);
  expect(verdicts[2]!.arrival!.ms).toBeGreaterThan(58);
  expect(verdicts.slice(3).map(({ arrival }) => arrival)).toEqual(verdicts.slice(3).map(() => undefined));
});

describe("limits", () => {
  test("a draft never makes it decide more than is allowed", async () => {
    for (const limits of [{ maxTokens: 5 }, { context: PROMPT.length + 5 }]) {
      const { run, verdicts, onVerdict, draft, sequence } = await setUp({ patience: 1000, ...limits });
      onVerdict((verdict) => draft(rightDraft(verdict, 15)));
      expect(await run()).toMatchObject({ reason: "length", decided: 5 });
      expect(verdicts.map(({ tokens }) => tokens.length)).toEqual([1, 4]);
      expect(sequence.timeline).toHaveLength(PROMPT.length + 5);
    }
  });

  test("never scores more draft tokens than the engine can", async () => {
    const { run, verdicts, onVerdict, draft } = await setUp({ patience: 1000, maxDraft: 3, maxTokens: 9 });
    onVerdict((verdict) => draft(rightDraft(verdict, 15)));
    await run();
    expect(verdicts.map(({ kept }) => kept)).toEqual([0, 3, 3]);
  });

  test("stops at a stop token, kept or its own", async () => {
    const at = 6;
    const stop = [ANSWER[at]!];
    const first = ANSWER.indexOf(ANSWER[at]!) + 1;
    for (const patience of [0, 1000]) {
      const { run, verdicts, onVerdict, draft } = await setUp({ patience, stop });
      onVerdict((verdict) => draft(rightDraft(verdict, 10)));
      expect(await run()).toMatchObject({ reason: "stop", decided: first });
      expect(verdicts.flatMap(({ tokens }) => tokens)).toEqual(ANSWER.slice(0, first));
    }
  });
});

describe("a client that leaves", () => {
  test("ends it within one pass", async () => {
    const { run, leave, onVerdict, engine } = await setUp();
    onVerdict(({ passes }) => {
      if (passes === 4) leave();
    });
    expect(await run()).toBeNull();
    expect(engine.passes).toBe(4);
  });

  test("ends it within one slice of a prompt, and while it waits for a draft", async () => {
    const long = await setUp({ prompt: Array.from({ length: 800 }, () => 1) });
    long.engine.stepMs = 2;
    const prefilling = long.run();
    await sleep(20);
    long.leave();
    expect(await prefilling).toBeNull();
    expect(long.engine.slices).toBeLessThan(50);
    expect(long.engine.passes).toBe(0);

    const patient = await setUp({ patience: 60_000 });
    const waiting = patient.run();
    await sleep(20);
    patient.leave();
    expect(await waiting).toBeNull();
    expect(patient.engine.passes).toBe(1);
  });
});

test("an engine that fails rejects with its error", async () => {
  const { run, engine, onVerdict } = await setUp();
  onVerdict(({ passes }) => {
    if (passes === 2) engine.fault = new Error("out of memory");
  });
  await expect(run()).rejects.toThrow("out of memory");
});

test("whose session another connection takes ends with an error, while it decides and while it waits", async () => {
  for (const patience of [0, 60_000]) {
    const { run, sequences, onVerdict, engine } = await setUp({ patience, maxTokens: 200 });
    onVerdict(({ passes }) => {
      if (passes === 2 - Math.sign(patience)) void sequences.lease(wishOf(sequences));
    });
    await expect(run()).rejects.toMatchObject({ code: "session_taken" });
    expect(engine.passes).toBeLessThan(4);
  }
});

test("ids outside the vocabulary, and what follows them, are never scored", async () => {
  const { run, verdicts, onVerdict, draft } = await setUp({ patience: 1000, maxTokens: 4 });
  onVerdict((verdict) => {
    const { position, tokens } = rightDraft(verdict, 3);
    if (verdict.passes === 1) draft({ position, tokens: [tokens[0]!, V, tokens[2]!], siblings: [{ at: 0, id: V }] });
    else draft({ position: Number.MAX_SAFE_INTEGER, tokens: [] });
  });
  await run();
  expect(verdicts[1]).toMatchObject({ kept: 1, scored: 1 });
  expect(verdicts.flatMap(({ tokens }) => tokens)).toEqual(ANSWER.slice(0, 4));
});
