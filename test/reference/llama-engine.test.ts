/** The llama engine on the real model with its weights in f32, half a gigabyte: the table of all engines. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TargetEngine } from "../../src/origin/engine.ts";
import { loadLlamaCpp } from "../../src/origin/engines/llama.ts";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { ENGINE_CASES } from "../cases/engines.ts";
import { prepare } from "../support/prepared.ts";
import { realF32Gguf, realPrompts } from "../support/real.ts";

let prompts: number[][];
let engine: TargetEngine;

beforeAll(async () => {
  await findLlamaLibrary();
  const { target } = await prepare();
  ({ prompts } = realPrompts(target));
  // Two threads that wait for each other stand still where other programs are at work.
  const options = { sequences: 8, kvTokens: 8 * 512, maxDraft: 15, gpu: false, threads: 1 };
  engine = await loadLlamaCpp(await realF32Gguf(), options);
});

afterAll(() => engine?.close?.());

test.each(ENGINE_CASES)("$name", ({ run }) => run({ engine, prompts }));

test("a distribution's few asked tokens nearly always tell which one is the target's own", async () => {
  // What is asked is the business of llama-questions.ts; what the reply leaves open costs a pass of its own.
  let open = 0;
  const sequence = engine.open();
  sequence.append(prompts[0]!);
  for (let seed = 0; seed < 200; seed++) {
    const sampling = { temperature: 1, topK: 0, topP: 1, minP: 0, seed };
    const { tokens, passes = 1 } = await sequence.decide([], { sampling, rule: { kind: "exact" }, stop: new Set() });
    open += passes - 1;
    sequence.cut(sequence.timeline.length - tokens.length);
  }
  sequence.close();
  expect(open).toBeLessThan(10);
});
