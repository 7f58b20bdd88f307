/**
 * The target in an SGLang server, through its native /generate: token ids in, no new tokens, logarithms of probability
 * of the positions from the timeline's last token on.
 *
 *   input_ids            p p p p c d1 d2 d3      logprob_start_len: the position of c
 *   input_top_logprobs   - after c, d1, d2       row 0, of c itself, is null: its distribution is in the cached part
 *   output_top_logprobs  after d3
 *
 * The radix cache keeps the prefix from pass to pass and from turn to turn. Its match ends before logprob_start_len, so
 * a pass computes c and the draft. A sibling is one more sequence of the same request, … c d1 s2, of which only the
 * last position is returned. The server dies of ids outside its vocabulary, so the gateway lets none through.
 */
import * as z from "zod";
import { accept, type Decision, partialScores, positionsOf, shapesOf } from "../../speculate/accept.ts";
import { type Likeliest, likeliestNeeded } from "../../speculate/likeliest.ts";
import type { Sibling } from "../../speculate/types.ts";
import type { Deciding, TargetEngine } from "../engine.ts";
import { EngineServer } from "./http.ts";
import { modelOf, type RemoteOptions, remoteEngine, withSiblings } from "./remote.ts";

/** Tokens that the server keeps back of its context. */
const RESERVED = 8;
/**
 * Likeliest tokens requested of every position at first, at most; also where the sampling does not tell how many it
 * keeps.
 */
const MAX_LIKELIEST = 256;
/** Requested next, where these leave the first token open: a high temperature with top_p keeps hundreds. */
const MORE_LIKELIEST = 4096;

const rowSchema = z.array(z.tuple([z.number(), z.int()], z.unknown()));
const replySchema = z
  .array(
    z.object({
      meta_info: z.object({
        cached_tokens: z.int(),
        input_token_logprobs: z.array(z.tuple([z.number().nullable(), z.int()], z.unknown())),
        input_top_logprobs: z.array(rowSchema.nullable()),
        output_top_logprobs: z.array(rowSchema),
      }),
    }),
  )
  .min(1);
const runSchema = z.object({ output_ids: z.array(z.int()) });
const infoSchema = z.object({
  max_req_input_len: z.int().min(1),
  served_model_name: z.string().nullish(),
  model_path: z.string().nullish(),
});

/** Throws what `modelOf` throws, and `engine_unreachable` where no server answers. */
export async function connectSglang(options: RemoteOptions): Promise<TargetEngine> {
  const server = new EngineServer("SGLang", options.url, options.token);
  const { max_req_input_len, served_model_name, model_path } = await server.get("/get_server_info", infoSchema);
  const names = [served_model_name, model_path].filter((name) => name != null);
  const { model, vocabulary, context } = await modelOf(server, names, options.model);
  return remoteEngine({
    name: "sglang",
    served: { model, vocabulary, context: Math.min(context, max_req_input_len) - RESERVED },
    rules: ["exact", "bild"],
    maxDraft: options.maxDraft,
    siblings: true,
    // Logarithms of probability do not tell which logits are positive, so it has no repetition penalty.
    shapes: ["bias", "allowed", "penalties", "minTokens"],
    drafted: (sampling) => likeliestNeeded(sampling, MAX_LIKELIEST) !== null,
    pass: (timeline, ...draft) => decide(server, vocabulary.size, timeline, ...draft),
    run: (timeline, most) => run(server, timeline, most),
  });
}

async function decide(
  server: EngineServer,
  V: number,
  timeline: readonly number[],
  draft: readonly number[],
  deciding: Deciding,
  siblings: readonly Sibling[],
): Promise<Decision> {
  const { sampling, rule, stop, shapers, logprobs } = deciding;
  const verified = async (count: number, tokens: readonly number[], beside: readonly Sibling[]): Promise<Decision> => {
    const { rows, logProbabilities, cached } = await score(server, timeline, tokens, beside, count);
    const positions = positionsOf(timeline.length, tokens.length, beside);
    const shapes = shapesOf(shapers, timeline, tokens, beside);
    const scores = partialScores(rows, logProbabilities, V, sampling, positions, shapes, logprobs);
    return { ...accept(scores, tokens, rule, stop, beside), cached };
  };
  // Of tokens whose logits change, more have to be known than are told or kept.
  const needed = shapers ? MAX_LIKELIEST : Math.max(likeliestNeeded(sampling, MAX_LIKELIEST) ?? V, logprobs ?? 0);
  const counts = [needed, MORE_LIKELIEST].map((count) => Math.min(V, count));
  for (const [n, count] of counts.entries()) {
    const decision = await verified(count, draft, siblings);
    if (decision.tokens.length > 0) return { ...decision, passes: n + 1 };
  }
  // The whole distribution of one position leaves nothing open.
  return { ...(await verified(V, [], [])), passes: counts.length + 1 };
}

async function* run(server: EngineServer, timeline: readonly number[], most: number) {
  const body = {
    input_ids: timeline,
    sampling_params: { max_new_tokens: most, temperature: 0, ignore_eos: true },
    stream: true,
  };
  let seen = 0;
  // Each event repeats all tokens so far.
  for await (const { output_ids } of server.stream("/generate", body, runSchema)) {
    yield output_ids.slice(seen);
    seen = output_ids.length;
  }
}

/** The `count` likeliest tokens of each row, numbered as in `Scores`, and ln p of the draft's tokens, (K). */
async function score(
  server: EngineServer,
  timeline: readonly number[],
  draft: readonly number[],
  siblings: readonly Sibling[],
  count: number,
): Promise<{ rows: Likeliest[]; logProbabilities: number[]; cached: number }> {
  const beside = withSiblings(timeline, draft, siblings);
  const replies = await server.post(
    "/generate",
    {
      input_ids: [[...timeline, ...draft], ...beside],
      // Temperature 0 leaves the logarithms of probability as they are.
      sampling_params: { max_new_tokens: 0, temperature: 0 },
      return_logprob: true,
      logprob_start_len: [timeline.length - 1, ...beside.map((tokens) => tokens.length - 1)],
      top_logprobs_num: count,
    },
    replySchema,
  );
  const { meta_info } = replies[0]!;
  const last = replies.map((reply) => reply.meta_info.output_top_logprobs[0] ?? null);
  const rows = [...meta_info.input_top_logprobs.slice(1, 1 + draft.length), ...last];
  return {
    rows: rows.map((row) => ({
      ids: (row ?? []).map(([, id]) => id),
      logits: (row ?? []).map(([logProbability]) => logProbability),
      logTotal: 0,
    })),
    logProbabilities: meta_info.input_token_logprobs
      .slice(1, 1 + draft.length)
      .map(([logProbability]) => logProbability ?? Number.NEGATIVE_INFINITY),
    cached: meta_info.cached_tokens,
  };
}
