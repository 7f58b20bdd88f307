/**
 * Tokens per target pass when the service drafts: with siblings, with the model alone, with prompt lookup alone, and
 * with both. Only passes count, not time. The target is replayed from its recorded answer, which it emits whatever is
 * drafted. An answer that was drawn is drafted with the noise of its seed, as the service does. What the target says
 * behind refused tokens is not in a recording, so a running one is asked where there is one.
 */
import { BothDrafter } from "../../core/draft/both.ts";
import { CopyDrafter } from "../../core/draft/copy-drafter.ts";
import type { Llama } from "../../core/draft/llama.ts";
import { ModelDrafter } from "../../core/draft/model-drafter.ts";
import { commonPrefix } from "../../core/model/common-prefix.ts";
import { accept, positionsOf } from "../../core/speculate/accept.ts";
import { History } from "../../core/speculate/history.ts";
import { generate, type Summary } from "../../core/speculate/round.ts";
import {
  beginningOf,
  type Done,
  type Draft,
  type Drafter,
  GREEDY,
  type Verdict,
  type Verifier,
} from "../../core/speculate/types.ts";
import { fewestPasses, Window } from "../../core/speculate/window.ts";
import type { TargetEngine } from "../../origin/engine.ts";
import { isLoop } from "../text/loops.ts";
import type { TargetAnswer } from "../text/target-text.ts";
import { Consulted } from "./consulted.ts";

/** How far a draft goes at most. */
export interface Drafted {
  /** Tokens that a pass verifies, siblings included. */
  readonly tokens: number;
  /** Positions, however many siblings they have; absent: as many as tokens. */
  readonly positions?: number | undefined;
  /** Without siblings, as before an engine that verifies none. */
  readonly chains?: boolean | undefined;
}

/** Most draft tokens that a pass verifies, siblings included, unless told otherwise. */
export const DRAFTED = 8;

/** Something of each kind of drafter. */
export interface Served<T = number> {
  readonly model: T;
  /** Prompt lookup without the model, and what the target said behind refused tokens where it runs. */
  readonly lookup: T;
  /** All of them together. */
  readonly both: T;
}

interface Totals {
  /** Tokens per target pass. */
  readonly served: Served;
  /** Accepted draft tokens ÷ positions at which any were verified; 0 where none were. */
  readonly acceptanceRates: Served;
  /** Absent where every answer is a loop. */
  readonly servedWithoutLoops?: Served;
}

export interface ServedKind extends Totals {
  readonly kind: string;
  readonly answers: number;
  readonly tokens: number;
}

export interface ServedFigures extends Totals {
  /** Of each kind of question, where answers have one. */
  readonly kinds?: readonly ServedKind[];
}

/** Tokens that the cache of `replayFigures` needs room for. */
export function replayTokens(answers: readonly TargetAnswer[], { tokens }: Drafted): number {
  return tokens + Math.max(...answers.map(({ prompt, answer }) => prompt.length + answer.length));
}

/**
 * Replays every answer in a session of its own, and calls `replayed` with the number done. Rejects with what the
 * drafter or the target rejects with.
 */
export async function replayFigures(
  llama: Llama,
  answers: readonly TargetAnswer[],
  drafted: Drafted,
  target: TargetEngine | undefined,
  replayed: (count: number) => void,
): Promise<ServedFigures> {
  const runs: Run[] = [];
  for (const answer of answers) {
    const cache = llama.newCache();
    const sampling = answer.sampling ?? GREEDY;
    const drafter = new ModelDrafter(llama, cache, sampling);
    const consulted = target && new Consulted(target, sampling);
    const model = await replay(answer, drafter, drafted);
    const lookup = await replay(answer, new CopyDrafter(), drafted, consulted);
    const both = await replay(answer, new BothDrafter(new CopyDrafter(), drafter), drafted, consulted);
    consulted?.close();
    runs.push({ ...answer, model, lookup, both });
    cache.release();
    replayed(runs.length);
  }
  const kinds = [...new Set(runs.flatMap(({ kind }) => kind ?? []))].map((kind): ServedKind => {
    const own = runs.filter((run) => run.kind === kind);
    return { kind, answers: own.length, tokens: tokensOf(own), ...totalsOf(own) };
  });
  return { ...totalsOf(runs), ...(kinds.length > 0 && { kinds }) };
}

/** What one answer took: target passes, the prompt's included, and what became of its drafts. */
type Replayed = Pick<Summary, "passes" | "kept" | "verified">;

/** An answer, and what it took with each drafter. */
type Run = Served<Replayed> & Pick<TargetAnswer, "answer" | "kind">;

function totalsOf(runs: readonly Run[]): Totals {
  const straight = runs.filter(({ answer }) => !isLoop(answer));
  return {
    served: servedOf(runs),
    acceptanceRates: ratesOf(runs),
    ...(straight.length > 0 && { servedWithoutLoops: servedOf(straight) }),
  };
}

const tokensOf = (runs: readonly Run[]): number => runs.reduce((sum, { answer }) => sum + answer.length, 0);

const servedOf = (runs: readonly Run[]): Served => ofEach(runs, (sum) => tokensOf(runs) / sum("passes"));

const ratesOf = (runs: readonly Run[]): Served => ofEach(runs, (sum) => sum("kept") / Math.max(1, sum("verified")));

function ofEach(runs: readonly Run[], figure: (sum: (of: keyof Replayed) => number) => number): Served {
  const drafter = (name: keyof Served) => figure((of) => runs.reduce((sum, run) => sum + run[name][of], 0));
  return { model: drafter("model"), lookup: drafter("lookup"), both: drafter("both") };
}

/** Drafts an answer until it is decided. Rejects with what the drafter rejects with. */
export async function replay(
  { prompt, answer }: Pick<TargetAnswer, "prompt" | "answer">,
  drafter: Drafter,
  { tokens, positions, chains = false }: Drafted,
  consulted?: Consulted,
): Promise<Replayed> {
  const verifier = new Recording(prompt, answer, !chains, consulted);
  const policy = { ...fewestPasses(tokens), maxPositions: positions, patience: 1, bets: false };
  const window = new Window(policy, new History());
  const { steps, idle } = generate([...prompt], drafter, verifier, window);
  let next = await steps.next();
  while (!next.done) next = await steps.next();
  // The drafter may be in the middle of a draft, and would then take pages of a released cache.
  await idle();
  const { draftError, ...replayed } = next.value;
  if (draftError !== undefined) throw draftError;
  return replayed;
}

/** A target that waits for every draft and emits its recorded answer. */
class Recording implements Verifier {
  readonly asked = Promise.resolve();
  readonly ready = false;
  passes = 0;
  readonly #prompt: readonly number[];
  readonly #answer: readonly number[];
  readonly #siblings: boolean;
  readonly #consulted: Consulted | undefined;
  #decided = 0;
  #draft: Draft | undefined;
  #wake: () => void = () => {};

  constructor(
    prompt: readonly number[],
    answer: readonly number[],
    siblings: boolean,
    consulted: Consulted | undefined,
  ) {
    this.#prompt = prompt;
    this.#answer = answer;
    this.#siblings = siblings;
    this.#consulted = consulted;
  }

  submit(draft: Draft): void {
    this.#draft = draft;
    this.#wake();
  }

  async next(): Promise<Verdict | Done> {
    if (this.#decided === this.#answer.length) return { reason: "length" };
    // The pass over the prompt has no draft.
    const drafted = this.passes === 0 ? { tokens: [] } : await this.#drafted();
    // The last token of an answer is the target's own, as where an origin stops at its limit.
    const { tokens: draft, siblings } = beginningOf(drafted, this.#answer.length - this.#decided - 1);
    const position = this.#prompt.length + this.#decided;
    const recycled = await this.#recycled(draft);
    const positions = positionsOf(this.#decided, draft.length, siblings);
    const scores = { own: (row: number) => this.#answer[positions[row]!] ?? null, logProbability: () => 0 };
    const { kept, tokens } = accept(scores, draft, { kind: "exact" }, new Set(), siblings);
    this.#decided += tokens.length;
    const siblingsScored = siblings.length;
    const scored = draft.length + siblingsScored;
    return {
      position,
      kept,
      tokens,
      passes: ++this.passes,
      scored,
      stepMs: 1,
      waitMs: 0,
      siblings: this.#siblings,
      siblingsScored,
      ...(recycled && { recycled }),
    };
  }

  async #recycled(draft: readonly number[]): Promise<Verdict["recycled"]> {
    const wrong = commonPrefix(draft, this.#answer.slice(this.#decided));
    if (!this.#consulted || wrong === draft.length) return undefined;
    return this.#consulted.behind([...this.#prompt, ...this.#answer.slice(0, this.#decided)], draft, wrong);
  }

  close(): void {}

  /** The draft for the present timeline. A drafter that failed submits an empty draft, which fits any timeline. */
  async #drafted(): Promise<Draft> {
    while ((this.#draft?.position ?? -1) < this.#prompt.length + this.#decided) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    return this.#draft as Draft;
  }
}
