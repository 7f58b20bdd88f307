/** What a request asks for, whatever its dialect. */
import type { ConstraintSource } from "../../core/grammar/source.ts";
import type { ChatMessage } from "../../core/model/chat.ts";
import type { ContextFile } from "../../core/model/fill.ts";
import type { Shaping } from "../../core/speculate/shaping.ts";
import type { Rule, Sampling } from "../../core/speculate/types.ts";
import type { Offer } from "./tools.ts";

export type DraftKind = "model" | "lookup" | "both" | "off";

/** One answer to make, in our words. Plain data: it crosses from the Worker to the Session as JSON. */
export interface Generation {
  readonly model: string;
  readonly input:
    | { readonly kind: "chat"; readonly messages: readonly ChatMessage[] }
    | { readonly kind: "text"; readonly prompt: string | readonly number[] }
    /** What is between `prompt` and `suffix` is asked for. */
    | {
        readonly kind: "fill";
        readonly prompt: string;
        readonly suffix: string;
        /** Other files that the model is shown. */
        readonly files: readonly ContextFile[];
        /** As `Hole.lineBehind`. */
        readonly lineBehind: boolean;
      };
  readonly sampling: Sampling;
  /** What changes the target's logits; null: nothing does. Where the answer begins is not known here. */
  readonly shaping: Omit<Shaping, "from"> | null;
  /** The form that the answer must have; null: any text. */
  readonly constraint: ConstraintSource | null;
  /** The field of the request that asks for it. */
  readonly constraintField: string | null;
  /** Tools that the answer may call; null: none. */
  readonly offer: Offer | null;
  /** How many of the likeliest tokens to tell of each position, beside the one that was chosen; null: tell nothing. */
  readonly logprobs: number | null;
  readonly rule: Rule;
  /** Tokens that end the answer, beside the model's own. */
  readonly stopIds: readonly number[];
  /** The model's own ends do not end the answer. */
  readonly ignoreEos: boolean;
  /** The answer begins with the prompt. */
  readonly echo: boolean;
  /** Strings that end the answer and are not part of it. */
  readonly stop: readonly string[];
  /** The answer ends before a line that is indented by fewer blanks; 0: it does not. */
  readonly indent: number;
  /** Behind its first line, the answer ends once it has taken so many ms; null: it may take any time. */
  readonly maxMs: number | null;
  /** Tokens to decide at most; null: to the end of the context. */
  readonly maxTokens: number | null;
  /** Answers to make, and which of them this one is. */
  readonly n: number;
  readonly choice: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** What the client expects as the answer, if it says so. */
  readonly prediction: string | null;
  readonly draft: {
    /** Null: the best that this deployment has. */
    readonly kind: DraftKind | null;
    /** Longest draft; null leaves it to the window policy. */
    readonly max: number | null;
    /** Stop drafting below this confidence; null leaves it to the window policy. */
    readonly fallback: number | null;
    /** How long the origin waits for a draft, ms; null: as the operator prefers. */
    readonly patience: number | null;
  };
  /** Tell per token whether it was a kept draft. */
  readonly trace: boolean;
  /** What the client calls this conversation, if it does. */
  readonly cacheKey: string | null;
}

/** Far enough apart for any two seeds, and 0 for the first choice, which is the answer of a request for one. */
const SEED_STEP = 0x9e3779b9;

/** One of the `n` choices that are asked for, each with a seed of its own. */
export const choiceOf = (generation: Generation, choice: number): Generation => {
  const seed = (generation.sampling.seed + choice * SEED_STEP) >>> 0;
  return { ...generation, choice, sampling: { ...generation.sampling, seed } };
};
