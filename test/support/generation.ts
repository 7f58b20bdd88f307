/** Runs one generation against an origin as the edge does, and collects what a client would see. */
import type { ConstraintSource } from "../../src/core/grammar/source.ts";
import { History } from "../../src/core/speculate/history.ts";
import { generate, type Summary } from "../../src/core/speculate/round.ts";
import type { Shaping } from "../../src/core/speculate/shaping.ts";
import type { Drafter, Rule, Sampling, TokenLogprob } from "../../src/core/speculate/types.ts";
import { Window } from "../../src/core/speculate/window.ts";
import { VerifyClient } from "../../src/core/verify/client.ts";
import { STOP } from "./scripted.ts";

/** What an origin says that it serves. */
export interface Served {
  readonly model: string;
  readonly vocabulary: string;
}

/** Ids of any model here are smaller. */
const VOCABULARY_SIZE = 200_000;
const SCRIPTED: Served = { model: "scripted", vocabulary: "scripted-vocabulary" };

export interface GenerationOptions {
  /** The scripted engine's language, unless another is given. */
  readonly served?: Served;
  /** Ids that end the answer; the language's own unless others are given. */
  readonly stop?: readonly number[];
  /** Of the origin; or `connect` gives its sockets. */
  readonly url?: string;
  readonly connect?: () => Promise<WebSocket>;
  readonly prompt: readonly number[];
  readonly sampling: Sampling;
  readonly shaping?: Shaping;
  /** Which form the answer must have; it begins behind the prompt. */
  readonly constraint?: ConstraintSource;
  readonly logprobs?: number;
  readonly drafter?: Drafter | null;
  readonly rule?: Rule;
  readonly fallback?: number;
  readonly patience?: number;
  /** As `WindowPolicy.bets`. */
  readonly bets?: boolean;
  readonly maxTokens?: number;
  readonly session?: string;
  readonly keep?: number;
  readonly retryMs?: readonly number[];
  readonly silenceMs?: number;
  /** Called after each step; may hold the consumer up. */
  readonly onStep?: (tokens: number) => Promise<void> | void;
}

export interface Outcome extends Summary {
  readonly tokens: number[];
  readonly flags: boolean[];
  readonly logprobs: TokenLogprob[];
  readonly timeline: number[];
  /** Resolves when the drafter has stopped. */
  idle(): Promise<void>;
}

let sessions = 0;
export const freshSession = (): string => `test-${sessions++}`;

export function clientFor(options: GenerationOptions): VerifyClient {
  return new VerifyClient({
    way: { connect: options.connect ?? (async () => new WebSocket(options.url!)) },
    open: {
      ...(options.served ?? SCRIPTED),
      session: options.session ?? freshSession(),
      sampling: options.sampling,
      shaping: options.shaping,
      ...(options.constraint && { constraint: { from: options.prompt.length, source: options.constraint } }),
      logprobs: options.logprobs,
      rule: options.rule ?? { kind: "exact" },
      patience: options.patience ?? 0,
      stop: [...(options.stop ?? [STOP])],
    },
    timeline: options.prompt,
    keep: options.keep ?? 0,
    vocabularySize: VOCABULARY_SIZE,
    maxTokens: options.maxTokens ?? 40,
    retryMs: options.retryMs ?? [5, 20, 100],
    silenceMs: options.silenceMs ?? 5000,
  });
}

export async function runGeneration(options: GenerationOptions): Promise<Outcome> {
  const timeline = [...options.prompt];
  const window = new Window(
    {
      maxDraft: 8,
      fallback: options.fallback ?? 0,
      patience: options.patience ?? 0,
      spare: "passes",
      bets: options.bets ?? true,
    },
    new History(),
  );
  const { steps, idle } = generate(timeline, options.drafter ?? null, clientFor(options), window);
  const tokens: number[] = [];
  const flags: boolean[] = [];
  const logprobs: TokenLogprob[] = [];
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return { ...value, tokens, flags, logprobs, timeline, idle };
    for (const { id, kept } of value.tokens) {
      tokens.push(id);
      flags.push(kept);
    }
    logprobs.push(...(value.verdict.logprobs ?? []));
    await options.onStep?.(tokens.length);
  }
}
