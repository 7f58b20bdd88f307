/** What a plan needs to know of a draft: how often its tokens are right, and what a step takes here. */
import { loadLlama } from "../../core/draft/llama.ts";
import { ModelDrafter } from "../../core/draft/model-drafter.ts";
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { builtModules } from "../../core/platform/built.ts";
import { directoryHeader, shardReader } from "../../core/platform/disk.ts";
import { DEPTHS } from "../../core/speculate/history.ts";
import { GREEDY } from "../../core/speculate/types.ts";
import type { TargetAnswer } from "../text/target-text.ts";

export interface DraftFacts {
  /** Model id of the draft. */
  readonly model: string;
  /** Median time of a draft step, ms. */
  readonly draftStepMs: number;
  /** Acceptance by the number of right draft tokens before, from 0 on; the last holds for all beyond. */
  readonly acceptanceByDepth: readonly number[];
  /** Share of all tokens that the draft foretold. */
  readonly acceptance: number;
  /** Tokens that this was counted on. */
  readonly tokens: number;
}

/** An acceptance counts as if so many tokens of the mean one had been seen besides. */
const PRIOR = 4;

/**
 * Runs the draft along answers of its target, a step a token, until `most` tokens are done. Throws what reading the
 * pack throws.
 */
export async function draftFacts(pack: string, answers: readonly TargetAnswer[], most: number): Promise<DraftFacts> {
  const header = await directoryHeader(pack);
  const longest = Math.max(...answers.map(({ prompt, answer }) => prompt.length + answer.length));
  const pages = Math.ceil((longest + 1) / PAGE_TOKENS);
  const llama = await loadLlama(header, shardReader(pack, header), await builtModules(), { pages, rows: 1 });
  const seen = new Array<number>(DEPTHS).fill(0);
  const right = new Array<number>(DEPTHS).fill(0);
  const times: number[] = [];
  for (const { prompt, answer } of answers) {
    const cache = llama.newCache();
    const drafter = new ModelDrafter(llama, cache, GREEDY);
    let depth = 0;
    for (let at = 0; at < answer.length && times.length < most; at++) {
      await drafter.sync([...prompt, ...answer.slice(0, at)]);
      const began = performance.now();
      const [proposed] = await drafter.propose(1, () => false);
      times.push(performance.now() - began);
      const isRight = proposed?.id === answer[at];
      seen[Math.min(depth, DEPTHS - 1)]!++;
      if (isRight) right[Math.min(depth, DEPTHS - 1)]!++;
      depth = isRight ? depth + 1 : 0;
    }
    cache.release();
  }
  const acceptance = right.reduce((sum, count) => sum + count, 0) / times.length;
  return {
    model: header.model,
    draftStepMs: times.sort((a, b) => a - b)[times.length >> 1]!,
    acceptanceByDepth: seen.map((count, d) => (right[d]! + PRIOR * acceptance) / (count + PRIOR)),
    acceptance,
    tokens: times.length,
  };
}
