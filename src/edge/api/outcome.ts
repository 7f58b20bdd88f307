/**
 * What an answer took, and what is told of it, whatever its dialect. `timings` uses llama.cpp's names, which dashboards
 * already read, plus `draft_n_judged`, `draft_n_thrown`, `draft_read_n` and `target_passes`; everything else that is
 * ours lies under `outrider`.
 */
import * as z from "zod";
import type { Copied } from "../../core/speculate/round.ts";
import { sessionPlaceSchema } from "./placement-schema.ts";

export type FinishReason = "stop" | "length" | "tool_calls";

export const tracedTokenSchema = z
  .object({
    id: z.int().describe("Token id of the target's vocabulary."),
    text: z.string().describe("Text that the token added."),
    kept: z.boolean().describe("True for a kept draft token, false for one that only the target chose."),
    pass: z.int().describe("The target pass that decided it, counted from the prompt's, which is 1."),
    rejected: z
      .array(z.string())
      .readonly()
      .optional()
      .describe(
        "Texts of the draft tokens that this pass scored from here on and rejected. So the acceptance rate is the " +
          "number of kept tokens by the number of those that were kept or have this.",
      ),
  })
  .readonly()
  .meta({ id: "TracedToken", description: "A token of the answer and who proposed it." });

export type TracedToken = z.infer<typeof tracedTokenSchema>;

/** What all objects of one answer share. */
export interface Head {
  readonly kind: "chat" | "text";
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  /** Which of the request's choices it is; the first unless given. */
  readonly index?: number;
}

export const timingsSchema = z
  .object({
    cache_n: z.int().describe("Prompt tokens that the target already held."),
    prompt_n: z.int().describe("Prompt tokens computed for this answer."),
    prompt_ms: z.number().describe("From the request to the first token of the answer, in ms."),
    predicted_n: z.int().describe("Tokens of the answer."),
    predicted_ms: z.number().describe("From the first token of the answer to the last, in ms."),
    predicted_per_second: z.number().describe("Tokens per second between these two."),
    draft_n: z.int().describe("Tokens drafted, siblings included."),
    draft_n_judged: z
      .int()
      .describe(
        "Positions at which the target verified draft tokens after it had kept all before them. At each at most one " +
          "token can be right, so the acceptance rate is `draft_n_accepted / draft_n_judged`.",
      ),
    draft_n_accepted: z.int().describe("Draft tokens that the target kept."),
    draft_n_thrown: z
      .int()
      .describe(
        "Draft steps thrown away: tokens that no pass verified, drafted behind a wrong one or decided before they " +
          "came.",
      ),
    draft_read_n: z
      .int()
      .describe(
        "Tokens of the context that the draft model's last drafts were made from: all of it, or the first and the " +
          "newest tokens while the draft model reads a long prompt.",
      ),
    target_passes: z.int().describe("Forward passes of the target, the prompt's included."),
  })
  .readonly()
  .meta({ id: "Timings", description: "What the answer took, under llama.cpp's names where llama.cpp has one." });

export type Timings = z.infer<typeof timingsSchema>;

const measuredSchema = z
  .object({
    round_trip_ms: z.number().describe("Round trip between Session and origin, in ms."),
    target_step_ms: z.number().describe("A target pass over one position, in ms."),
    position_ms: z.number().describe("What each further position adds to a target pass, in ms."),
    draft_step_ms: z.number().describe("One step of the draft model, in ms."),
    acceptance: z.number().describe("Acceptance rate: share of draft tokens kept when all before them were, 0 to 1."),
    break_even_ms: z
      .number()
      .describe("Above this round trip an origin that streams is faster than one that waits for drafts, in ms."),
  })
  .readonly()
  .meta({ id: "Measured", description: "What the Session has measured so far." });

export type Measured = z.infer<typeof measuredSchema>;

const costSchema = z
  .object({
    draft_step_n: z.int().describe("Steps of the draft model."),
    draft_prefill_n: z.int().describe("Tokens that the draft model read for the answer."),
    cpu_ms: z.number().describe("CPU time of the edge, as computed from these counts, in ms."),
    cpu_spent: z
      .literal(true)
      .optional()
      .describe("Present where the draft's share reached `CPU_MS`: drafting ended, and the target went on alone."),
    rows_written: z.int().describe("Rows of storage written for the answer, their deletion included."),
    stored_bytes: z.int().describe("Bytes of storage that it adds."),
    usd_per_million_tokens: z.number().describe("What Cloudflare asks for a million tokens of such answers, in USD."),
    prices_of: z.string().describe("When its prices were read, as a date."),
  })
  .readonly()
  .meta({ id: "Cost", description: "What an answer used at the edge, and what that costs." });

export type Cost = z.infer<typeof costSchema>;

export const accountSchema = z
  .object({
    seed: z.int().describe("Ask with this seed again for the same text."),
    seeds: z.array(z.int()).optional().describe("With `n` above 1: the seed of each choice."),
    draft: z.enum(["model", "lookup", "both", "off"]).describe("Who drafted."),
    patience_ms: z.number().describe("How long the origin waited for drafts at most, at the end, in ms."),
    draft_cache_n: z.int().describe("Prompt tokens whose draft KV state was restored rather than computed."),
    undrafted: z
      .literal(true)
      .optional()
      .describe("Present where the origin's engine verifies no drafts under this sampling."),
    unstored: z
      .literal(true)
      .optional()
      .describe(
        "Present where the edge's storage fails: nothing of the answer is kept, and no later request can go on from it.",
      ),
    note: z
      .string()
      .optional()
      .describe(
        "Why drafts were left out, or what they took where they cost time, in words; absent where that is plain.",
      ),
    interrupted: z
      .object({
        times: z.int().describe("Connections to an origin that were lost behind the first token."),
        pause_ms: z.number().describe("How long no token came because of that, in ms."),
        origins: z.int().describe("Origins that decided tokens of this answer."),
      })
      .optional()
      .describe("Present where an origin was lost in the middle of the answer, which went on with the same text."),
    placement: sessionPlaceSchema.optional().describe("Where the Session is, and why there."),
    measured: measuredSchema.optional().describe("Absent before the Session has drafted anything."),
    cost: costSchema.optional().describe("What the answer used at the edge."),
  })
  .readonly()
  .meta({ id: "Account", description: "Outrider's own account of an answer." });

export type Account = z.infer<typeof accountSchema>;

export interface Outcome {
  readonly finish: FinishReason;
  /** Where the client said what it expects. */
  readonly prediction?: Copied | undefined;
  readonly timings: Timings;
  readonly account: Account;
}
