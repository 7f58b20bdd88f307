/** What a draft step takes at 500 and at 8,000 tokens with each policy, and what of it is choosing. */
import { arbitraryTokens, median } from "../../../src/tools/inspect/timing.ts";
import type { Draft } from "./drafts.ts";

const POSITIONS = [500, 8000] as const;
const STEPS = 24;
/** Ids that every draft has. */
const VOCABULARY = 4096;

export interface StepTime {
  readonly policy: string;
  readonly budget: number;
  /** Medians in ms. */
  readonly at500: number;
  readonly at8000: number;
  readonly ratio: number;
  /** Share of the step at 8,000 that scores and chooses keys, and with InfiniGen foretells queries. */
  readonly choosing: number;
}

export async function stepTimes(drafts: readonly Draft[], budgets: readonly number[]): Promise<StepTime[]> {
  const [all, ...others] = drafts;
  await all!.stretch(POSITIONS[1]);
  const times = [];
  // A cache that holds all is only ever cut, so the long steps come first, and the one that others are filled from last.
  for (const draft of [...others, all!]) {
    const own = draft === all ? [1] : budgets;
    if (draft.most) await draft.prefill(arbitraryTokens(POSITIONS[1] + 1, VOCABULARY));
    else if (draft !== all) draft.take(all!);
    const long = own.map((budget) => timed(draft, budget, POSITIONS[1]));
    if (draft.most) await draft.prefill(arbitraryTokens(POSITIONS[0] + 1, VOCABULARY));
    const short = own.map((budget) => timed(draft, budget, POSITIONS[0]));
    times.push(own.map((budget, n) => ({ policy: draft.name, budget, long: long[n]!, short: short[n]! })));
    if (draft !== all) draft.release();
  }
  const [whole] = times.at(-1)!;
  return times.flat().map(({ policy, budget, long, short }) => ({
    policy,
    budget,
    at500: round(short.ms),
    at8000: round(long.ms),
    ratio: round(long.ms / short.ms),
    choosing: round(Math.max(0, long.rest - whole!.long.rest) / long.traced),
  }));
}

const round = (value: number): number => Number(value.toFixed(3));

/** Kernels that attend, or copy what they attend to; what is neither these nor a matrix of the model chooses. */
const ATTENDING = ["attention", "gatherKeys"];

/** Medians of a step's ms: untraced, traced, and traced outside of attention. A step with all keys has the rest too. */
function timed(draft: Draft, share: number, position: number) {
  const { llama, cache, trace } = draft;
  draft.budget = { share, length: position };
  const token = cache.tokens[position - 1]!;
  const times: { ms: number; traced: number; rest: number }[] = [];
  const step = (): void => {
    cache.cut(position);
    llama.forward(cache, [token], 1);
    llama.argmax(0);
  };
  const seconds = (run: () => void): number => {
    const started = performance.now();
    run();
    return performance.now() - started;
  };
  for (let n = 0; n < STEPS; n++) {
    const ms = seconds(step);
    let attending = 0;
    const traced = seconds(() => {
      for (const call of trace.record(step)) if (ATTENDING.includes(call.kernel)) attending += 1000 * call.seconds;
    });
    times.push({ ms, traced, rest: traced - attending });
  }
  return {
    ms: median(times.map(({ ms }) => ms)),
    traced: median(times.map(({ traced }) => traced)),
    rest: median(times.map(({ rest }) => rest)),
  };
}
