/**
 * The target alone decides, whichever keys the draft reads: with InfiniGen, greedy and sampled, and when another
 * conversation takes the draft's pages between rounds, the tokens are those of decoding without a draft.
 */
import { beforeAll, expect, test } from "vitest";
import { ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import type { PackedModel } from "../../src/core/format/pack.ts";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { GREEDY, type Sampling } from "../../src/core/speculate/types.ts";
import { WasmEngine } from "../../src/origin/engines/wasm.ts";
import { addSkew } from "../../src/tools/compress/stages/skew.ts";
import { alone } from "../cases/engines.ts";
import { anySkew } from "../support/any-skew.ts";
import { packedLlama } from "../support/packed-llama.ts";
import { seeded } from "../support/random.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";

const MAX_DRAFT = 5;
const ANSWER = 40;
const PAGES = 8;
const SAMPLED: Sampling = { temperature: 0.9, topK: 0, topP: 1, minP: 0, seed: 3 };

let engine: WasmEngine;
let draft: PackedModel;
let prompt: number[];
beforeAll(async () => {
  engine = new WasmEngine(await loadPack(TINY_PACKS.target, 32, MAX_DRAFT + 1), MAX_DRAFT);
  draft = await addSkew(await readPack(openDirectory(TINY_PACKS.draft)), { stage: "skew", channels: 8 }, anySkew);
  const random = seeded(14);
  prompt = Array.from({ length: 150 }, () => 3 + Math.floor(random() * 500));
});

test.each([GREEDY, SAMPLED])("temperature $temperature", async (sampling) => {
  const expected = await alone(engine, prompt, sampling, ANSWER);
  const llama = packedLlama(draft, "simd", PAGES, 1, { share: 0.3 });
  const drafter = new ModelDrafter(llama, llama.newCache(), sampling);
  const sequence = engine.open();
  sequence.append(prompt);
  let rounds = 0;
  while (sequence.timeline.length < prompt.length + ANSWER) {
    await drafter.sync(sequence.timeline);
    const proposed = await drafter.propose(MAX_DRAFT, () => true);
    const tokens = proposed.map(({ id }) => id);
    await sequence.decide(tokens, { sampling, rule: { kind: "exact" }, stop: new Set() });
    if (++rounds % 7 === 0) {
      // All pages of the pool go to another conversation.
      const other = llama.newCache();
      llama.forward(other, [...prompt, ...prompt].slice(0, 32 * PAGES), 0);
      other.release();
    }
  }
  expect(sequence.timeline.slice(prompt.length, prompt.length + ANSWER)).toEqual(expected);
  expect(llama.infinigen!.read.read).toBeLessThan(llama.infinigen!.read.held);
  sequence.close();
});
