/**
 * Each form of the table through the whole loop, with the tiny pair: it is refused with its code, or answered with
 * drafts as without, in its form, and no draft fails.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { BothDrafter } from "../../src/core/draft/both.ts";
import { ConstrainedDrafter } from "../../src/core/draft/constrained.ts";
import { CopyDrafter } from "../../src/core/draft/copy-drafter.ts";
import type { Llama } from "../../src/core/draft/llama.ts";
import { ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { faultOf } from "../../src/core/grammar/check.ts";
import { Compiled, MOST_OF_ONE } from "../../src/core/grammar/compiled.ts";
import { Following } from "../../src/core/grammar/following.ts";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { Shapers } from "../../src/core/speculate/shaping.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { WasmEngine } from "../../src/origin/engines/wasm.ts";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { FORM_CASES } from "../cases/forms.ts";
import { runGeneration } from "../support/generation.ts";
import { socketTo } from "../support/socket-pair.ts";
import { THREAD } from "../support/thread.ts";
import { loadPack, packHeader, TINY_PACKS } from "../support/tiny.ts";

const TOKENS = 8;
const json = readFileSync(join(TINY_PACKS.target, "tokenizer.json"), "utf8");
const tokenizer = openTokenizer(json);

let gateway: Gateway;
let draft: Llama;
let compiled: Compiled;
let engine: WasmEngine;
beforeAll(async () => {
  engine = new WasmEngine(await loadPack(TINY_PACKS.target, 64, 8), 7, async () => json);
  draft = await loadPack(TINY_PACKS.draft, 64, 8);
  gateway = new Gateway(engine, { ...DEFAULT_LIMITS, token: null, now: () => performance.now() });
  const tokens = { size: engine.vocabulary.size, bytesOf: (id: number) => tokenizer.bytesOf(id) };
  compiled = new Compiled(tokens, 2 * MOST_OF_ONE, THREAD);
});

test("the table has as many forms as the adversary tried", () => {
  expect(FORM_CASES.length).toBeGreaterThanOrEqual(91);
});

test.each(FORM_CASES)("$name", async ({ source, refused }) => {
  const prompt = [...tokenizer.encode("the road")];
  const stop = [...packHeader(TINY_PACKS.target).config.eosIds];
  const asked = {
    ...{ served: { model: engine.model, vocabulary: engine.vocabulary.hash }, stop, prompt, maxTokens: TOKENS },
    ...{ sampling: { ...GREEDY, temperature: 1, seed: 5 }, constraint: source, connect: async () => socketTo(gateway) },
  };
  if (refused !== null) {
    const refusal = { code: refused, status: 400, param: "response_format" };
    await expect(runGeneration(asked)).rejects.toMatchObject(refusal);
    return;
  }
  const held = (await compiled.of(source, ""))!;
  const following = new Following(held.constraint, prompt.length, stop);
  const choosing = { ...asked.sampling, shapers: Shapers.of(undefined, { stop }, [following]) };
  const both = new BothDrafter(new CopyDrafter(prompt), new ModelDrafter(draft, draft.newCache(), choosing));
  const drafter = new ConstrainedDrafter(both, following, (text) => tokenizer.encodeInside(text));
  const undrafted = await runGeneration(asked);
  // A round in which no draft pays tells the drafter to settle before it was told of any timeline.
  await drafter.settle(() => true);
  const drafted = await runGeneration({ ...asked, drafter });
  await drafted.idle();
  held.leave();
  expect(drafted.draftError).toBeUndefined();
  expect(drafted.tokens).toEqual(undrafted.tokens);
  if (drafted.reason !== "stop") return;
  expect(faultOf(source, tokenizer.decode(drafted.tokens.filter((id) => !stop.includes(id))))).toBe(null);
});
