/**
 * The target in an SGLang server, through its native /generate: token ids in, no new tokens, logarithms of probability
 * of the positions from the timeline's last token on.
 *
 *   input_ids            p p p p c d1 d2 d3      logprob_start_len: the position of c
 *   input_top_logprobs   - after c, d1, d2       row 0, of c itself, is null: its distribution is in the cached part
 *   output_top_logprobs  after d3
 *
 * Of each position the likeliest tokens are requested, and where any token may be drawn the loud ones by id
 * (token_ids_logprob, one list for all positions of a sequence; not of older servers). These decide nearly all
 * positions at any sampling.
 *
 * The radix cache keeps the prefix from pass to pass and from turn to turn. Its match ends before logprob_start_len, so
 * a pass computes c and the draft. A sibling is one more sequence of the same request, … c d1 s2, of which only the
 * last position is returned. The server dies of ids outside its vocabulary, so the gateway lets none through.
 */
import * as z from "zod";
import { type Decision, positionsOf } from "../../core/speculate/accept.ts";
import { type Likeliest, likeliestNeeded, withLoud } from "../../core/speculate/likeliest.ts";
import { type Loud, LoudPositions } from "../../core/speculate/loud.ts";
import type { Sibling } from "../../core/speculate/types.ts";
import type { Deciding, TargetEngine } from "../engine.ts";
import { acceptAskingAgain } from "./ask-again.ts";
import { EngineServer } from "./http.ts";
import { modelOf, type RemoteOptions, remoteEngine, withSiblings } from "./remote.ts";

/** Tokens that the server keeps back of its context. */
const RESERVED = 8;
/**
 * Likeliest tokens requested of every position at first, at most; also where the sampling does not tell how many it
 * keeps.
 */
const MAX_LIKELIEST = 256;
/** Requested next of a position that these leave open: a high temperature with top_p keeps hundreds. */
const MORE_LIKELIEST = 4096;
/** Loud tokens requested of each position. A pass of 9 positions returns 288 beside the likeliest. */
const LOUD = 32;
/**
 * Since when a request with token_ids_logprob may share a batch with one that has none. Servers of some versions before
 * die of that: SGLang issue 34719.
 */
const NAMES_SINCE = [0, 5, 23];

const rowSchema = z.array(z.tuple([z.number(), z.int()], z.unknown()));
type Row = z.infer<typeof rowSchema>;
const replySchema = z
  .array(
    z.object({
      meta_info: z.object({
        cached_tokens: z.int(),
        input_token_logprobs: z.array(z.tuple([z.number().nullable(), z.int()], z.unknown())),
        input_top_logprobs: z.array(rowSchema.nullable()),
        output_top_logprobs: z.array(rowSchema),
        input_token_ids_logprobs: z.array(rowSchema.nullable()).optional(),
        output_token_ids_logprobs: z.array(rowSchema).optional(),
      }),
    }),
  )
  .min(1);
const runSchema = z.object({ output_ids: z.array(z.int()) });
const infoSchema = z.object({
  version: z.string().nullish(),
  max_req_input_len: z.int().min(1),
  served_model_name: z.string().nullish(),
  model_path: z.string().nullish(),
});

/** Throws what `modelOf` throws, and `engine_unreachable` where no server answers. */
export async function connectSglang(options: RemoteOptions): Promise<TargetEngine> {
  const server = new EngineServer("SGLang", options.url, options.token);
  const info = await server.get("/get_server_info", infoSchema);
  const { max_req_input_len, served_model_name, model_path } = info;
  const names = [served_model_name, model_path].filter((name) => name != null);
  const { model, vocabulary, context } = await modelOf(server, names, options.model);
  const loud = namesSafely(info.version) ? new LoudPositions(vocabulary.size, LOUD) : null;
  return remoteEngine({
    name: "sglang",
    served: { model, vocabulary, context: Math.min(context, max_req_input_len) - RESERVED },
    rules: ["exact", "bild"],
    maxDraft: options.maxDraft,
    siblings: true,
    // Logarithms of probability do not tell which logits are positive, so it has no repetition penalty.
    shapes: ["bias", "allowed", "penalties", "minTokens"],
    drafted: () => true,
    pass: (timeline, ...draft) => decide({ server, V: vocabulary.size, loud }, timeline, ...draft),
    run: (timeline, _, most) => run(server, timeline, most),
  });
}

interface Asking {
  readonly server: EngineServer;
  readonly V: number;
  /** Null where the server must not be asked for tokens by id. */
  readonly loud: LoudPositions | null;
}

function namesSafely(version: string | null | undefined): boolean {
  const numbers = /^(\d+)\.(\d+)\.(\d+)/
    .exec(version ?? "")
    ?.slice(1)
    .map(Number);
  const differs = NAMES_SINCE.findIndex((number, n) => numbers?.[n] !== number);
  return numbers !== undefined && (differs < 0 || numbers[differs]! > NAMES_SINCE[differs]!);
}

async function decide(
  { server, V, loud }: Asking,
  timeline: readonly number[],
  draft: readonly number[],
  deciding: Deciding,
  siblings: readonly Sibling[],
): Promise<Decision> {
  const { sampling, shapers, logprobs } = deciding;
  const kept = likeliestNeeded(sampling, MAX_LIKELIEST);
  const ask = (before: readonly number[], tokens: readonly number[], beside: readonly Sibling[], count: number) => {
    const positions = positionsOf(before.length, tokens.length, beside);
    const isAny = kept === MAX_LIKELIEST && count < V;
    const named = isAny && loud ? positions.map((position) => loud.at(sampling.seed, position)) : null;
    return score(server, before, tokens, beside, { count, loud: named, temperature: sampling.temperature });
  };
  // Of tokens whose logits change, more have to be known than are told or kept.
  const needed = shapers ? MAX_LIKELIEST : Math.max(kept, logprobs ?? 0);
  const { rows, logProbabilities, cached } = await ask(timeline, draft, siblings, Math.min(V, needed));
  const pass = { timeline, draft, siblings, deciding };
  const decision = await acceptAskingAgain(pass, rows, logProbabilities, V, async ({ known, before }) => {
    if (known.ids.length >= V) return null;
    const more = await ask(before, [], [], known.ids.length < MORE_LIKELIEST ? Math.min(V, MORE_LIKELIEST) : V);
    return more.rows[0]!;
  });
  return { ...decision, cached };
}

/** Greedily: it draws nothing by itself. */
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

/** What to request of each row, rows counted as in `Scores`. */
interface Asked {
  /** How many of the likeliest tokens. */
  readonly count: number;
  /** And the loud ones of the row's position. */
  readonly loud: readonly Loud[] | null;
  readonly temperature: number;
}

/** The tokens requested of each row, and ln p of the draft's tokens, (K). */
async function score(
  server: EngineServer,
  timeline: readonly number[],
  draft: readonly number[],
  siblings: readonly Sibling[],
  { count, loud, temperature }: Asked,
): Promise<{ rows: Likeliest[]; logProbabilities: number[]; cached: number }> {
  const beside = withSiblings(timeline, draft, siblings);
  const K = draft.length;
  const askedFor = loud && [loud.slice(0, K + 1), ...loud.slice(K + 1).map((one) => [one])];
  const replies = await server.post(
    "/generate",
    {
      input_ids: [[...timeline, ...draft], ...beside],
      // Temperature 0 leaves the logarithms of probability as they are.
      sampling_params: { max_new_tokens: 0, temperature: 0 },
      return_logprob: true,
      logprob_start_len: [timeline.length - 1, ...beside.map((tokens) => tokens.length - 1)],
      top_logprobs_num: count,
      ...(askedFor && { token_ids_logprob: askedFor.map((those) => [...new Set(those.flatMap(({ ids }) => ids))]) }),
    },
    replySchema,
  );
  const { meta_info } = replies[0]!;
  /** Of each row: those behind tokens of the draft, then the last one of every sequence. */
  const rowsOf = (field: "top_logprobs" | "token_ids_logprobs"): (Row | null | undefined)[] => [
    ...(meta_info[`input_${field}`] ?? []).slice(1, 1 + K),
    ...replies.map((reply) => reply.meta_info[`output_${field}`]?.[0]),
  ];
  const byId = rowsOf("token_ids_logprobs");
  const rows = rowsOf("top_logprobs").map((row, n): Likeliest => {
    const known = {
      ids: (row ?? []).map(([, id]) => id),
      logits: (row ?? []).map(([logProbability]) => logProbability),
      logTotal: 0,
    };
    const named = byId[n];
    if (!loud || !named) return known;
    const logits = new Map(named.map(([logProbability, id]) => [id, logProbability]));
    return withLoud(known, logits, loud[n]!.level, temperature);
  });
  return {
    rows,
    logProbabilities: meta_info.input_token_logprobs
      .slice(1, 1 + K)
      .map(([logProbability]) => logProbability ?? Number.NEGATIVE_INFINITY),
    cached: meta_info.cached_tokens,
  };
}
