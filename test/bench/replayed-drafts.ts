/**
 * A drafter that replays what the default draft proposed, at a stated time a step: for more clients than this machine
 * could draft for. What the draft says behind a wrong token of its own is not recorded; its confidences there are those
 * behind the right one.
 */
import { ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { type Drafter, GREEDY, type Proposed } from "../../src/core/speculate/types.ts";
import { REAL_PAIR } from "../support/real.ts";
import { loadPack } from "../support/tiny.ts";
import type { Recorded } from "./recorded-questions.ts";

/** An answer, and for each of its tokens what the draft proposed there. */
export interface Drafted extends Recorded {
  readonly proposals: readonly Proposed[];
}

const PAGES = 32;

/**
 * Runs the default draft along the first `tokens` tokens of each answer.
 *
 * @returns also the median time of a step here, ms
 */
export async function draftedAnswers(
  questions: readonly Recorded[],
  tokens: number,
): Promise<{ readonly answers: Drafted[]; readonly stepMs: number }> {
  const llama = await loadPack(REAL_PAIR.draft!, PAGES, 1);
  const answers: Drafted[] = [];
  const times: number[] = [];
  for (const question of questions) {
    const cache = llama.newCache();
    const drafter = new ModelDrafter(llama, cache, GREEDY);
    const proposals: Proposed[] = [];
    for (let at = 0; at < tokens; at++) {
      await drafter.sync([...question.prompt, ...question.answer.slice(0, at)]);
      const began = performance.now();
      const [proposed] = await drafter.propose(1, () => false, 0);
      times.push(performance.now() - began);
      if (!proposed) break;
      proposals.push(proposed);
    }
    cache.release();
    answers.push({ ...question, answer: question.answer.slice(0, proposals.length), proposals });
  }
  return { answers, stepMs: times.sort((a, b) => a - b)[times.length >> 1]! };
}

/** The draft of up to `most` tokens after the first `at` of the answer. */
export function draftAt({ answer, proposals }: Drafted, at: number, most: number): Proposed[] {
  const draft: Proposed[] = [];
  let right = true;
  for (let i = at; i < Math.min(proposals.length, at + most); i++) {
    const proposed = proposals[i]!;
    // Whatever follows a wrong token is wrong, too: it is no token that the answer has there.
    draft.push(right ? proposed : { ...proposed, id: answer[i]! === 0 ? 1 : answer[i]! - 1 });
    right &&= proposed.id === answer[i];
  }
  return draft;
}

/** @param stepMs of one token */
export function replayedDrafter(drafted: Drafted, stepMs: number): Drafter {
  let timeline: readonly number[] = [];
  return {
    async sync(held) {
      timeline = [...held];
    },
    async propose(max, more) {
      const at = timeline.length - drafted.prompt.length;
      const rightSoFar = timeline.slice(drafted.prompt.length).every((id, i) => drafted.answer[i] === id);
      const draft: Proposed[] = [];
      for (const proposed of draftAt(drafted, at, max)) {
        await new Promise((resolve) => setTimeout(resolve, stepMs));
        draft.push(rightSoFar ? proposed : { ...proposed, id: drafted.answer[at + draft.length]! === 0 ? 1 : 0 });
        if (!more(proposed)) break;
      }
      return draft;
    },
  };
}
