/**
 * Answers that must have a form: for a seed the tokens are the same whatever is drafted, and those of a target whose
 * every token is chosen among all that may follow. The second definition here reads each token's bytes by itself; it
 * knows no mask, no trie and no token that is emitted without a pass.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Tool } from "../../src/core/calls/family.ts";
import { QWEN } from "../../src/core/calls/qwen.ts";
import { ConstrainedDrafter } from "../../src/core/draft/constrained.ts";
import { Compiled, MOST_OF_ONE } from "../../src/core/grammar/compiled.ts";
import { Following } from "../../src/core/grammar/following.ts";
import { type ConstraintSource, compile } from "../../src/core/grammar/source.ts";
import { chooseToken } from "../../src/core/speculate/sample.ts";
import { GREEDY, type Sampling } from "../../src/core/speculate/types.ts";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { eventually } from "../support/eventually.ts";
import { clientFor, runGeneration } from "../support/generation.ts";
import { GuessDrafter, reference, STOP, scriptedRow, V } from "../support/scripted.ts";
import { ScriptedEngine } from "../support/scripted-engine.ts";
import { type Break, socketTo } from "../support/socket-pair.ts";
import { THREAD } from "../support/thread.ts";

/** Every byte that a form here may ask for has a token of its own, as in a real vocabulary. */
const TEXTS = [
  ...["", ...'{}":,[]truefalsn012-kb .'.split("").filter((char, at, all) => all.indexOf(char) === at)],
  ...['{"', '":', '"a', "null", "nu", "ll", "true", "tr", "12", '"}', '"k"', "ab", "ka", "kab"],
];
const encoder = new TextEncoder();
/** What each token of a vocabulary says. */
const bytesIn = (texts: readonly string[]) => {
  const bytes = Array.from({ length: V }, (_, id) => encoder.encode(texts[id] ?? ""));
  return (id: number): Uint8Array => bytes[id] ?? new Uint8Array();
};
const bytesOf = bytesIn(TEXTS);

/** The same of what calls of tools are made of. */
const CALL_TEXTS = [
  ...["", "<tool_call>", "</tool_call>", "<", "</", "/", "tool_call>", "\n", "{", "}", '"', ":", ",", " ", '{"', '":'],
  ...[
    '": "',
    ", ",
    "name",
    "arguments",
    "rguments",
    "ka",
    "kab",
    "k",
    "a",
    "b",
    "1",
    "2",
    "12",
    '"k"',
    '"}',
    "{}",
    "x",
  ],
  ...['{"name": "ka', '", "arguments": ', "}\n</tool_call>"],
];
const TOOLS: Tool[] = [
  { name: "ka", strict: true },
  { name: "kab", strict: true, parameters: { properties: { k: { enum: [1, 12] } }, required: ["k"] } },
];
const CALLS: ConstraintSource[] = [
  QWEN.calls(TOOLS, true),
  QWEN.calls(TOOLS, false),
  QWEN.free(TOOLS),
  { kind: "either", of: [QWEN.calls(TOOLS, false), { kind: "schema", schema: { enum: [{ k: 1 }, "ka", 2] } }] },
];

const SOURCES: ConstraintSource[] = [
  { kind: "schema", schema: { type: "object" } },
  {
    kind: "schema",
    schema: {
      type: "object",
      properties: { ka: { enum: ["a", "kab", null] }, kab: { type: "array", items: { type: "boolean" }, maxItems: 2 } },
      required: ["ka", "kab"],
      additionalProperties: false,
    },
  },
  { kind: "schema", schema: { type: "array", items: { type: "integer", minimum: -2, maximum: 12 }, minItems: 2 } },
  { kind: "regex", pattern: "(ab|k){2,5}[12]?" },
  { kind: "choice", of: ["null", "nullka", "true", "12.0", "12"] },
  { kind: "grammar", text: 'root ::= "[" (root ("," root)*)? "]" | "k"' },
];

const sampling: fc.Arbitrary<Sampling> = fc.record({
  temperature: fc.constantFrom(0, 0.7, 1.5),
  topK: fc.constantFrom(0, 3),
  topP: fc.constantFrom(1, 0.9),
  minP: fc.constantFrom(0, 0.05),
  seed: fc.integer({ min: 0, max: 0xffffffff }),
});

const breaks: fc.Arbitrary<Break[]> = fc.array(
  fc.record({ frame: fc.nat(5), fault: fc.constantFrom("cut", "close", "garble") }),
  { maxLength: 2 },
);

/** The logits of a row without the tokens that may not follow. */
function formed(source: ConstraintSource, from: number, bytesOf: (id: number) => Uint8Array) {
  const machine = compile(source);
  return (row: Float32Array, before: readonly number[]): Float32Array => {
    const state = before
      .slice(from)
      .reduce<typeof machine.start | null>((at, id) => at && machine.read(at, bytesOf(id)), machine.start);
    return row.map((logit, id) => {
      const takes =
        id === STOP ? state?.accepting : bytesOf(id).length > 0 && state && machine.read(state, bytesOf(id));
      return takes ? logit : Number.NEGATIVE_INFINITY;
    });
  };
}

const generation = (sources: readonly ConstraintSource[]) =>
  fc.record({
    prompt: fc.array(fc.integer({ min: 1, max: V - 1 }), { minLength: 1, maxLength: 6 }),
    source: fc.constantFrom(...sources),
    sampling,
    guesses: fc.array(fc.oneof(fc.constant("own" as const), fc.integer({ min: -1, max: V })), {
      minLength: 1,
      maxLength: 9,
    }),
    drafts: fc.constantFrom("off", "raw", "constrained"),
    patience: fc.constantFrom(0, 20),
    maxTokens: fc.integer({ min: 1, max: 30 }),
    breaks,
  });

test.each([
  ["forms", TEXTS, SOURCES, 200, 60],
  ["calls of tools", CALL_TEXTS, CALLS, 200, 20],
] as const)(
  "%s: the tokens are those of the target among what may follow, with drafts on and off",
  async (_, texts, sources, numRuns, least) => {
    const bytesOf = bytesIn(texts);
    const engine = new ScriptedEngine();
    Object.assign(engine, { vocabulary: { ...engine.vocabulary, tokenizer: async () => ({ bytesOf }) } });
    const gateway = new Gateway(engine, { ...DEFAULT_LIMITS, token: null, now: () => performance.now() });
    const compiled = new Compiled({ size: V, bytesOf }, 2 * MOST_OF_ONE, THREAD);
    const totals = { tokens: 0, passes: 0, kept: 0, stopped: 0 };
    await fc.assert(
      fc.asyncProperty(
        generation(sources),
        async ({ prompt, source, sampling, guesses, drafts, patience, maxTokens, breaks }) => {
          const shape = formed(source, prompt.length, bytesOf);
          const guess = (timeline: readonly number[], call: number) => {
            const next = guesses[call % guesses.length]!;
            return next === "own" ? chooseToken(scriptedRow(timeline), sampling, timeline.length) : next;
          };
          const raw = new GuessDrafter(guess, 0, [
            (timeline) => chooseToken(shape(scriptedRow(timeline), timeline), sampling, timeline.length),
          ]);
          const held = (await compiled.of(source, ""))!;
          const following = new Following(held.constraint, prompt.length, [STOP]);
          const encode = (text: string) => [...text].map((char) => Math.max(1, texts.indexOf(char)));
          const drafter = { off: null, raw, constrained: new ConstrainedDrafter(raw, following, encode) }[drafts];
          let dials = 0;
          const outcome = await runGeneration({
            connect: async () => socketTo(gateway, breaks[dials++]),
            ...{ prompt, sampling, patience, maxTokens, drafter },
            constraint: source,
            retryMs: breaks.map(() => 0),
          });
          const expected = reference(prompt, sampling, maxTokens, [STOP], shape);
          expect(outcome.tokens).toEqual(expected.tokens);
          expect(outcome.reason).toBe(expected.reason);
          await outcome.idle();
          held.leave();
          totals.tokens += outcome.tokens.length;
          totals.passes += outcome.passes;
          totals.kept += outcome.kept;
          if (outcome.reason === "stop") totals.stopped++;
        },
      ),
      { numRuns },
    );
    // Tokens without a choice took no pass, drafts were kept, and answers came to their end.
    expect(totals.passes).toBeLessThan(totals.tokens * 0.8);
    expect(totals.kept).toBeGreaterThan(least);
    expect(totals.stopped).toBeGreaterThan(least);
  },
);

const refusedBy = async (given: Partial<Parameters<typeof runGeneration>[0]>, engine = new ScriptedEngine()) => {
  const gateway = new Gateway(engine, { ...DEFAULT_LIMITS, token: null, now: () => performance.now() });
  return runGeneration({
    connect: async () => socketTo(gateway),
    prompt: [1],
    sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 1 },
    constraint: { kind: "schema", schema: { uniqueItems: true } },
    ...given,
  });
};

test("where answers at work need all the room for forms another is told to come again, and then has it", async () => {
  const engine = new ScriptedEngine();
  Object.assign(engine, { vocabulary: { ...engine.vocabulary, tokenizer: async () => ({ bytesOf }) } });
  const limits = { ...DEFAULT_LIMITS, formBytes: MOST_OF_ONE, token: null, now: () => performance.now() };
  const gateway = new Gateway(engine, limits);
  const asked = (kab: number) => ({
    connect: async () => socketTo(gateway),
    prompt: [1],
    sampling: { ...GREEDY, seed: 1 },
    constraint: { kind: "schema", schema: { type: "array", items: { enum: [kab, "ka"] }, minItems: 9 } } as const,
    retryMs: [],
  });
  // It waits for a draft that never comes.
  const first = clientFor({ ...asked(1), patience: 60_000 });
  expect(await first.next()).toMatchObject({ position: 1 });
  await expect(runGeneration(asked(2))).rejects.toMatchObject({ code: "overloaded", status: 503, retryable: true });
  const same = clientFor({ ...asked(1), patience: 60_000 });
  expect(await same.next()).toMatchObject({ position: 1 });
  first.close();
  same.close();
  await eventually(() => expect(gateway.counts.connections).toBe(0));
  await eventually(async () => expect((await runGeneration(asked(2))).tokens.length).toBeGreaterThan(0));
});

test("what an origin cannot hold an answer to is refused before anything is decided", async () => {
  const engine = new ScriptedEngine();
  await expect(refusedBy({}, engine)).rejects.toThrow("the engine scripted cannot hold an answer to a form");
  Object.assign(engine, { vocabulary: { ...engine.vocabulary, tokenizer: async () => ({ bytesOf }) } });
  await expect(refusedBy({}, engine)).rejects.toThrow("#/uniqueItems");
  await expect(refusedBy({ rule: { kind: "bild", alphaRollback: 1 } }, engine)).rejects.toThrow('the rule "bild"');
  await expect(refusedBy({ shaping: { from: 1, minTokens: 3 } }, engine)).rejects.toThrow("minTokens");
  expect(engine.passes).toBe(0);
});
