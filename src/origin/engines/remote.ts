/**
 * What engines behind a server have in common: the server keeps keys and values, and returns the likeliest tokens of
 * a position.
 */
import type { Decision } from "../../core/speculate/accept.ts";
import type { ShapingKind } from "../../core/speculate/shaping.ts";
import type { Rule, Sampling, Sibling } from "../../core/speculate/types.ts";
import { type Deciding, type EngineSequence, type TargetEngine, Timeline } from "../engine.ts";
import { PASS_COSTS } from "../pass-costs.ts";
import type { EngineServer } from "./http.ts";
import { type KnownModel, servedAs } from "./known-model.ts";
import { readServedModel, type ServedModel } from "./served-model.ts";

export interface RemoteOptions {
  readonly url: string;
  /** A pack or checkpoint directory of the model that the server runs, or what is known of it. */
  readonly model: string | KnownModel;
  /** Bearer token of the server. */
  readonly token: string | null;
  readonly maxDraft: number;
}

/** What the server runs. Throws what reading a directory throws, and `wrong_model` where a known model is another. */
export const modelOf = (
  server: EngineServer,
  names: readonly string[],
  model: string | KnownModel,
): Promise<ServedModel> => (typeof model === "string" ? readServedModel(model) : servedAs(server, names, model));

/** One pass over the timeline and a draft with its siblings. Rejects with an OutriderError. */
type Pass = (
  timeline: readonly number[],
  draft: readonly number[],
  deciding: Deciding,
  siblings: readonly Sibling[],
) => Promise<Decision>;
/** What follows the timeline, at most `most` tokens, in one request; as `EngineSequence.stream`. */
type Run = (timeline: readonly number[], sampling: Sampling, most: number) => AsyncGenerator<readonly number[], void>;

interface Remote {
  /** As `TargetEngine.name`. */
  readonly name: string;
  /** With the context that the server leaves. */
  readonly served: ServedModel;
  readonly rules: readonly Rule["kind"][];
  readonly maxDraft: number;
  /** Whether a pass verifies siblings. */
  readonly siblings: boolean;
  /** What it can do to logits, as `Capabilities.shapes`. */
  readonly shapes: readonly ShapingKind[];
  /** As `Capabilities.drafted`. */
  drafted(sampling: Sampling): boolean;
  /** As `Capabilities.moreWith`. */
  readonly moreWith?: string | undefined;
  readonly pass: Pass;
  readonly run: Run;
}

export const remoteEngine = ({
  name,
  served,
  rules,
  maxDraft,
  siblings,
  shapes,
  drafted,
  moreWith,
  pass,
  run,
}: Remote): TargetEngine => ({
  name,
  ...served,
  // What their servers run best; a quantised model's differs, and edges measure it.
  passCost: PASS_COSTS.gemm16,
  capabilities: {
    rules,
    maxDraft,
    siblings,
    shapes,
    logprobs: true,
    // The server evicts by itself: a sequence here is a list of tokens.
    capacity: Number.POSITIVE_INFINITY,
    cost: () => 0,
    drafted,
    moreWith,
  },
  open: () => new RemoteSequence(pass, run),
});

/** The timeline up to each sibling, with it: one more sequence each, for a server that takes no tree. */
export const withSiblings = (
  timeline: readonly number[],
  draft: readonly number[],
  siblings: readonly Sibling[],
): number[][] => siblings.map(({ at, id }) => [...timeline, ...draft.slice(0, at), id]);

/** A timeline that is sent whole with every pass; the server's prefix cache finds its beginning. */
class RemoteSequence extends Timeline implements EngineSequence {
  readonly #pass: Pass;
  readonly #run: Run;

  constructor(pass: Pass, run: Run) {
    super();
    this.#pass = pass;
    this.#run = run;
  }

  /** The server slices prompts by itself. */
  async prefill(): Promise<boolean> {
    return false;
  }

  async decide(draft: readonly number[], deciding: Deciding, siblings: readonly Sibling[] = []): Promise<Decision> {
    const decision = await this.#pass(this.timeline, draft, deciding, siblings);
    this.append(decision.tokens);
    return decision;
  }

  async *stream(sampling: Sampling, most: number): AsyncGenerator<number, void> {
    for await (const tokens of this.#run([...this.timeline], sampling, most)) {
      for (const token of tokens) {
        this.append([token]);
        yield token;
      }
    }
  }

  close(): void {}
}
