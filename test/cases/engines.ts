/**
 * What every engine behind the gateway must do, whatever runs the target: the table that each of them runs. The
 * reference is the engine itself without a draft, one position a pass; that this is the model is the business of each
 * engine's own test.
 */
import { expect } from "vitest";
import { Compiled, MOST_OF_ONE } from "../../src/core/grammar/compiled.ts";
import { Following } from "../../src/core/grammar/following.ts";
import type { ConstraintSource } from "../../src/core/grammar/source.ts";
import { Shapers, type Shaping, type ShapingKind } from "../../src/core/speculate/shaping.ts";
import { GREEDY, type Sampling, type Sibling } from "../../src/core/speculate/types.ts";
import { type OpenFrame, PROTOCOL_VERSION } from "../../src/core/verify/protocol.ts";
import type { Deciding, EngineSequence, TargetEngine } from "../../src/origin/engine.ts";
import { checkOpen } from "../../src/origin/opening.ts";
import { seeded } from "../support/random.ts";
import { THREAD } from "../support/thread.ts";

export interface Subject {
  readonly engine: TargetEngine;
  /** Prompts of different lengths, one of them at least 300 tokens. */
  readonly prompts: readonly (readonly number[])[];
}

type Asked = Pick<Deciding, "shapers" | "logprobs">;

const deciding = (sampling: Sampling, stop: readonly number[] = [], asked: Asked = {}): Deciding => ({
  sampling,
  rule: { kind: "exact" },
  stop: new Set(stop),
  ...asked,
});

export const SAMPLED: readonly Sampling[] = [
  { temperature: 0.8, topK: 0, topP: 1, minP: 0, seed: 7 },
  { temperature: 1, topK: 40, topP: 1, minP: 0, seed: 8 },
  { temperature: 1.1, topK: 0, topP: 0.9, minP: 0, seed: 9 },
  { temperature: 0.9, topK: 0, topP: 1, minP: 0.05, seed: 10 },
  { temperature: 0.7, topK: 12, topP: 0.95, minP: 0.02, seed: 11 },
  // What a request without any sampling asks for.
  { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 12 },
];

function opened(engine: TargetEngine, prompt: readonly number[]): EngineSequence {
  const sequence = engine.open();
  sequence.append(prompt);
  return sequence;
}

async function prefilled(sequence: EngineSequence): Promise<number> {
  let slices = 0;
  while (await sequence.prefill()) slices++;
  return slices;
}

/** What the engine decides with no draft at all. */
export async function alone(
  engine: TargetEngine,
  prompt: readonly number[],
  sampling: Sampling,
  count: number,
  asked: Asked = {},
): Promise<number[]> {
  const sequence = opened(engine, prompt);
  await prefilled(sequence);
  while (sequence.timeline.length < prompt.length + count) await sequence.decide([], deciding(sampling, [], asked));
  sequence.close();
  return sequence.timeline.slice(prompt.length);
}

/** What it decides with drafts of which a third hold a wrong token; and how much of them it kept. */
export async function drafted(
  engine: TargetEngine,
  prompt: readonly number[],
  sampling: Sampling,
  right: readonly number[],
  seed: number,
  asked: Asked = {},
): Promise<{ tokens: number[]; kept: number; passes: number }> {
  const random = seeded(seed);
  const sequence = opened(engine, prompt);
  await prefilled(sequence);
  let kept = 0;
  let passes = 0;
  for (;;) {
    const at = sequence.timeline.length - prompt.length;
    if (at >= right.length - engine.capabilities.maxDraft) break;
    const draft = right.slice(at, at + Math.floor(random() * (engine.capabilities.maxDraft + 1)));
    const siblings: Sibling[] = [];
    if (random() < 0.34 && draft.length > 0) {
      const wrong = Math.floor(random() * draft.length);
      const id = draft[wrong]!;
      draft[wrong] = (id + 1) % engine.vocabulary.size;
      if (engine.capabilities.siblings && draft.length < engine.capabilities.maxDraft) {
        const other = { at: Math.floor(random() * draft.length), id: (id + 2) % engine.vocabulary.size };
        siblings.push(...[other, { at: wrong, id }].slice(0, engine.capabilities.maxDraft - draft.length));
      }
    }
    const before = [...sequence.timeline];
    const decision = await sequence.decide(draft, deciding(sampling, [], asked), siblings);
    expect(sequence.timeline).toEqual([...before, ...decision.tokens]);
    expect(decision.tokens.slice(0, decision.kept)).toEqual(
      decision.tokens
        .slice(0, decision.kept)
        .map((id, at) => siblings.find((one) => one.at === at && one.id === id)?.id ?? draft[at]),
    );
    kept += decision.kept;
    passes++;
  }
  sequence.close();
  return { tokens: sequence.timeline.slice(prompt.length), kept, passes };
}

async function sameWithDrafts({ engine, prompts }: Subject, sampling: Sampling): Promise<void> {
  for (const [n, prompt] of prompts.entries()) {
    const right = await alone(engine, prompt, sampling, 40);
    const { tokens, kept, passes } = await drafted(engine, prompt, sampling, right, 5 + n);
    expect(tokens, `prompt ${n}`).toEqual(right.slice(0, tokens.length));
    expect(kept, `prompt ${n}`).toBeGreaterThan(5);
    expect(passes).toBeLessThan(tokens.length);
  }
}

/** What an engine's own stream says is what it decides pass by pass, however far it is followed. */
export async function streamsTheSame(engine: TargetEngine, prompt: readonly number[], count: number): Promise<void> {
  const right = await alone(engine, prompt, GREEDY, count);
  const sequence = opened(engine, prompt);
  for (const most of [3, count]) {
    for await (const token of sequence.stream!(GREEDY, most)) {
      expect(sequence.timeline.at(-1)).toBe(token);
      if (sequence.timeline.length === prompt.length + 7) break;
    }
    expect(sequence.timeline.slice(prompt.length)).toEqual(right.slice(0, most === 3 ? 3 : 7));
  }
  const { tokens } = await sequence.decide(right.slice(7, 9), deciding(GREEDY));
  expect(tokens).toEqual(right.slice(7, 10));
  sequence.close();
}

/** Of each kind one that changes `right`, and whether the tokens behind a prompt of `from` are as it wants. */
const SHAPINGS: {
  readonly [kind in ShapingKind]: (
    right: readonly number[],
    from: number,
  ) => { readonly shaping: Shaping; fits(tokens: readonly number[]): boolean };
} = {
  bias: (right, from) => ({
    shaping: {
      from,
      bias: [
        [right[2]!, null],
        [right[0]!, -1.5],
      ],
    },
    fits: (tokens) => !tokens.includes(right[2]!),
  }),
  allowed: (right, from) => {
    const allowed = [...new Set(right.map((id) => (id > 1 ? id - 1 : id + 1)))];
    return { shaping: { from, allowed }, fits: (tokens) => tokens.every((id) => allowed.includes(id)) };
  },
  repetition: (_, from) => ({ shaping: { from, repetition: { by: 1.5, last: 0 } }, fits: () => true }),
  penalties: (_, from) => ({ shaping: { from, penalties: { presence: 2, frequency: 1 } }, fits: () => true }),
  minTokens: (right, from) => ({
    shaping: { from, minTokens: 5 },
    fits: (tokens) => !tokens.slice(0, 5).includes(right[2]!),
  }),
};

const openFor = ({ model, vocabulary }: TargetEngine, fields: Partial<OpenFrame>): OpenFrame => ({
  ...{ type: "open", version: PROTOCOL_VERSION, model, vocabulary: vocabulary.hash, session: "s", keep: 0 },
  ...{ keepHash: "", prompt: [1], sampling: GREEDY, rule: { kind: "exact" }, patience: 0, maxTokens: 1, stop: [] },
  ...fields,
});

/** The engine does it, with drafts as without; or a request for it is refused with the engine's name. */
async function shapesOrRefuses({ engine, prompts }: Subject, kind: ShapingKind): Promise<void> {
  const prompt = prompts[0]!;
  if (!engine.capabilities.shapes.includes(kind)) {
    const { shaping } = SHAPINGS[kind]([5, 6, 7], 1);
    const refused = { code: "unsupported_parameter", message: expect.stringContaining(`the engine ${engine.name} `) };
    expect(() => checkOpen(openFor(engine, { shaping }), engine)).toThrow(expect.objectContaining(refused));
    return;
  }
  const plain = await alone(engine, prompt, GREEDY, 24);
  const { shaping, fits } = SHAPINGS[kind](plain, prompt.length);
  expect(() => checkOpen(openFor(engine, { shaping }), engine)).not.toThrow();
  for (const sampling of [GREEDY, SAMPLED[1]!, SAMPLED[3]!]) {
    if (!engine.capabilities.drafted(sampling)) continue;
    const count = sampling.temperature === 0 ? 32 : 24;
    const shapers = Shapers.of(shaping, { stop: [plain[2]!] });
    const right = await alone(engine, prompt, sampling, count, { shapers });
    expect(fits(right)).toBe(true);
    const { tokens } = await drafted(engine, prompt, sampling, right, 9, { shapers });
    expect(tokens).toEqual(right.slice(0, tokens.length));
    if (sampling.temperature === 0) expect(right).not.toEqual(await alone(engine, prompt, sampling, count));
  }
}

/** Forms that no answer of the tests' length comes to the end of, and what their texts begin with. */
const FORMS: readonly { readonly source: ConstraintSource; readonly begins: RegExp }[] = [
  {
    source: { kind: "regex", pattern: "(?:[ab]{3}-[0-9]{1,2};){200}" },
    begins: /^(?:[ab]{3}-\d{1,2};)*[ab]{0,3}-?\d{0,2}$/,
  },
  {
    source: { kind: "schema", schema: { type: "array", items: { type: "integer", minimum: -9 }, minItems: 99 } },
    begins: /^\[[ \n]*(?:(?:-[0-9]|\d+),[ \n]*)*-?\d*$/,
  },
];
/** What tokens say there: an engine is told of masks alone. Several tokens say the same, most of them nothing. */
const SAID = [..."ab-;[],0123456789 \n", "ab", "b-", "12", ",1", "-3", ";a", "[1", ", "];

/** Holds an answer to a form, with drafts as without; or refuses to with the engine's name. */
async function formsOrRefuses({ engine, prompts: [prompt] }: Subject): Promise<void> {
  if (!engine.capabilities.shapes.includes("allowed")) {
    const constraint = { from: 1, source: FORMS[0]!.source };
    const refused = { code: "unsupported_parameter", message: expect.stringContaining(`the engine ${engine.name} `) };
    expect(() => checkOpen(openFor(engine, { constraint }), engine)).toThrow(expect.objectContaining(refused));
    return;
  }
  const { size } = engine.vocabulary;
  const textOf = (id: number): string => (id === 0 ? "" : (SAID[id % (2 * SAID.length)] ?? ""));
  const encoder = new TextEncoder();
  const compiled = new Compiled({ size, bytesOf: (id) => encoder.encode(textOf(id)) }, 2 * MOST_OF_ONE, THREAD);
  for (const { source, begins } of FORMS) {
    for (const sampling of [GREEDY, SAMPLED[1]!, SAMPLED[3]!]) {
      if (!engine.capabilities.drafted(sampling)) continue;
      const following = new Following((await compiled.of(source, ""))!.constraint, prompt!.length, [0]);
      const shapers = Shapers.of(undefined, { stop: [0] }, [following]);
      const right = await alone(engine, prompt!, sampling, 32, { shapers });
      expect(right.map(textOf).join("")).toMatch(begins);
      const { tokens, kept } = await drafted(engine, prompt!, sampling, right, 9, { shapers });
      expect(tokens).toEqual(right.slice(0, tokens.length));
      expect(kept).toBeGreaterThan(0);
    }
  }
}

/** Log probabilities of the decided tokens are the same with drafts as without; or they are refused. */
async function tellsOrRefuses({ engine, prompts: [prompt] }: Subject): Promise<void> {
  if (!engine.capabilities.logprobs) {
    expect(() => checkOpen(openFor(engine, { logprobs: 2 }), engine)).toThrow(`the engine ${engine.name} tells no`);
    return;
  }
  const right = await alone(engine, prompt!, GREEDY, 8);
  const told = async (length: number) => {
    const sequence = opened(engine, prompt!);
    const all = [];
    while (all.length < right.length) {
      const draft = right.slice(all.length, all.length + Math.min(length, engine.capabilities.maxDraft));
      const { tokens, logprobs } = await sequence.decide(draft, deciding(GREEDY, [], { logprobs: 3 }));
      expect(logprobs).toHaveLength(tokens.length);
      all.push(...logprobs!);
    }
    sequence.close();
    return all.slice(0, right.length);
  };
  const single = await told(0);
  for (const [i, { logprob, top }] of single.entries()) {
    expect(top[0]).toEqual([right[i], logprob]);
    expect(top).toHaveLength(3);
    expect(logprob).toBeLessThanOrEqual(1e-6);
    expect(top.map(([, each]) => each)).toEqual(top.map(([, each]) => each).toSorted((a, b) => b - a));
  }
  for (const [i, { logprob }] of (await told(3)).entries()) expect(logprob).toBeCloseTo(single[i]!.logprob, 1);
}

interface Case {
  readonly name: string;
  run(subject: Subject): Promise<void>;
}

export const ENGINE_CASES: readonly Case[] = [
  {
    name: "decides the same with right, wrong and mixed drafts, greedily",
    run: (subject) => sameWithDrafts(subject, GREEDY),
  },
  ...SAMPLED.map((sampling) => ({
    name: `decides the same with drafts, or takes none: ${JSON.stringify(sampling)}`,
    async run(subject: Subject) {
      const { engine, prompts } = subject;
      if (engine.capabilities.drafted(sampling)) return sameWithDrafts(subject, sampling);
      expect(await alone(engine, prompts[0]!, sampling, 8)).toHaveLength(8);
    },
  })),
  ...(Object.keys(SHAPINGS) as ShapingKind[]).map((kind) => ({
    name: `shapes logits by ${kind}, or refuses to with its name`,
    run: (subject: Subject) => shapesOrRefuses(subject, kind),
  })),
  { name: "holds an answer to a form, or refuses to with its name", run: formsOrRefuses },
  { name: "tells log probabilities, or refuses to with its name", run: tellsOrRefuses },
  {
    name: "repeats for a seed, and does not for another",
    async run({ engine, prompts }) {
      const [sampling] = SAMPLED.filter((one) => engine.capabilities.drafted(one)) as [Sampling];
      const first = await alone(engine, prompts[0]!, sampling, 24);
      expect(await alone(engine, prompts[0]!, sampling, 24)).toEqual(first);
      expect(await alone(engine, prompts[0]!, { ...sampling, seed: sampling.seed + 1 }, 24)).not.toEqual(first);
    },
  },
  {
    name: "ends at a kept stop token, and goes on after it in a next turn",
    async run({ engine, prompts: [prompt] }) {
      const right = await alone(engine, prompt!, GREEDY, 12);
      const stop = right[2]!;
      const end = right.indexOf(stop);
      const sequence = opened(engine, prompt!);
      const { kept, tokens } = await sequence.decide(right.slice(0, 7), deciding(GREEDY, [stop]));
      expect({ kept, tokens }).toEqual({ kept: end + 1, tokens: right.slice(0, end + 1) });
      sequence.append(right.slice(end + 1, 6));
      await sequence.decide([], deciding(GREEDY));
      expect(sequence.timeline.slice(prompt!.length)).toEqual(right.slice(0, 7));
      sequence.close();
    },
  },
  {
    name: "decides the same after cuts at every length",
    async run({ engine, prompts: [prompt] }) {
      const right = await alone(engine, prompt!, GREEDY, 8);
      const sequence = opened(engine, prompt!);
      await sequence.decide(right.slice(0, 7), deciding(GREEDY));
      for (let length = prompt!.length + 7; length > prompt!.length; length--) {
        sequence.cut(length);
        expect(sequence.timeline).toHaveLength(length);
        await sequence.decide([], deciding(GREEDY));
        expect(sequence.timeline.at(-1)).toBe(right[length - prompt!.length]);
      }
      sequence.close();
    },
  },
  {
    name: "keeps sequences apart that are at work at once",
    async run({ engine, prompts }) {
      // They ask servers for different things, in one batch.
      const samplings = [GREEDY, ...SAMPLED.toReversed().filter((one) => engine.capabilities.drafted(one))];
      const one = (prompt: readonly number[], n: number) => alone(engine, prompt, samplings[n % samplings.length]!, 12);
      const expected: number[][] = [];
      for (const [n, prompt] of prompts.entries()) expected.push(await one(prompt, n));
      expect(await Promise.all(prompts.map(one))).toEqual(expected);
    },
  },
  {
    name: "gives back what a closed sequence held",
    async run({ engine, prompts: [prompt] }) {
      const { capacity, cost } = engine.capabilities;
      const rounds = Math.floor(capacity / cost(prompt!.length + 1)) + 2;
      for (let n = 0; n < Math.min(rounds, 40); n++) await alone(engine, prompt!, GREEDY, 1);
    },
  },
  {
    name: "says how long a timeline may become",
    async run({ engine }) {
      expect(engine.context).toBeGreaterThan(engine.capabilities.maxDraft);
      expect(engine.vocabulary.hash).toMatch(/^[0-9a-f]{16}$/);
    },
  },
];
