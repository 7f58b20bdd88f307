/**
 * Drafting on while the target verifies, against a drafter that stops when its draft is sent: the real draft in this
 * process, a real gateway before an emulated GPU, and a proxy that adds the round trip.
 */
import { ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { History } from "../../src/core/speculate/history.ts";
import { generate } from "../../src/core/speculate/round.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { Window } from "../../src/core/speculate/window.ts";
import { VerifyClient } from "../../src/core/verify/client.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { REAL_PAIR } from "../support/real.ts";
import { freePort } from "../support/service.ts";
import { loadPack, packHeader } from "../support/tiny.ts";
import { type Cell, rounded, startEmulated } from "./emulated-grid.ts";
import type { Recorded } from "./recorded-questions.ts";

const PAGES = 32;

/** The drafter goes on, and the origin waits or not as is faster; or it waits, and the drafter is idle meanwhile. */
const POLICIES = {
  bets: { patience: "auto", bets: true },
  none: { patience: 60_000, bets: false },
} as const;

export interface Proactive {
  /** Mean over the cells of tokens a second with bets ÷ without. */
  readonly gain: number;
  readonly cells: readonly (Cell & { readonly bets: number; readonly none: number; readonly gain: number })[];
}

interface Options {
  readonly questions: readonly Recorded[];
  readonly tokens: number;
  readonly recorded: string;
  progress(line: string): void;
}

/** Every question is asked with bets and without, one after the other. */
export async function measureProactive(cells: readonly Cell[], options: Options): Promise<Proactive> {
  const { questions, tokens, recorded, progress } = options;
  const llama = await loadPack(REAL_PAIR.draft!, PAGES, 1);
  const { vocabulary } = packHeader(REAL_PAIR.draft!);
  const port = await freePort();
  const proxy = await faultProxy(port);
  const measured: Proactive["cells"][number][] = [];
  let asked = 0;
  try {
    for (const cell of cells) {
      const origin = await startEmulated(cell.accelerator, recorded, port);
      proxy.delayMs = cell.roundTripMs / 2;
      const histories = { bets: new History(), none: new History() };
      const sums = { bets: { tokens: 0, ms: 0 }, none: { tokens: 0, ms: 0 } };
      // Once before anything counts: costs and acceptance are learned.
      for (const [n, question] of [questions[0]!, ...questions].entries()) {
        for (const way of n % 2 === 0 ? (["bets", "none"] as const) : (["none", "bets"] as const)) {
          const took = await answer(question, way, histories[way]);
          if (n === 0) continue;
          sums[way].tokens += took.tokens;
          sums[way].ms += took.ms;
        }
      }
      await origin.stop();
      const [bets, none] = [sums.bets, sums.none].map(({ tokens, ms }) => rounded((1000 * tokens) / ms));
      measured.push({ ...cell, bets: bets!, none: none!, gain: rounded(bets! / none!) });
      progress(`${cell.accelerator}, ${cell.roundTripMs} ms: ${bets} with bets, ${none} without`);
    }
  } finally {
    await proxy.close();
  }
  const gain = rounded(measured.reduce((sum, cell) => sum + cell.gain, 0) / measured.length);
  return { gain, cells: measured };

  async function answer({ prompt }: Recorded, way: "bets" | "none", history: History) {
    const policy = { maxDraft: 15, fallback: 0, spare: "time", ...POLICIES[way] } as const;
    const window = new Window(policy, history);
    const verifier = new VerifyClient({
      way: { connect: async () => new WebSocket(`ws://127.0.0.1:${proxy.port}/v1/verify`) },
      open: {
        model: REAL_PAIR.target.model,
        vocabulary: vocabulary.hash,
        session: `proactive-${asked++}`,
        sampling: GREEDY,
        rule: { kind: "exact" },
        patience: window.patience,
        stop: [],
      },
      timeline: prompt,
      keep: 0,
      vocabularySize: vocabulary.size,
      maxTokens: tokens,
    });
    const cache = llama.newCache();
    const { steps, idle } = generate([...prompt], new ModelDrafter(llama, cache, GREEDY), verifier, window);
    const verdicts: { readonly at: number; readonly tokens: number }[] = [];
    for await (const step of steps) verdicts.push({ at: performance.now(), tokens: step.tokens.length });
    await idle();
    cache.release();
    // The prompt's own pass belongs to the time to the first token.
    const [first, ...rest] = verdicts;
    return { tokens: rest.reduce((sum, each) => sum + each.tokens, 0), ms: verdicts.at(-1)!.at - first!.at };
  }
}
