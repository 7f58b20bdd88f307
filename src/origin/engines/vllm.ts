/**
 * The target in a vLLM server, through its completions. It has no way to score a draft and keep the prefix:
 * `prompt_logprobs` switches the prefix cache off and computes the whole timeline. So a draft is verified in whichever
 * of two ways computes fewer tokens:
 *
 *   whole       one prompt, p p p p c d1 d2 d3, with prompt_logprobs          all of them
 *   beginnings  K + 1 prompts, … c | … c d1 | … c d1 d2 | …, one token each   what is behind blocks
 *
 * Beginnings share the cached blocks and run as one batch; a sibling is one more of them, and a whole prompt has none.
 * Without a draft both ways are the same plain request.
 *
 * Of a position the server returns its likeliest tokens, 20 unless it was started with --max-logprobs. Where these
 * leave open which token is drawn, it is asked again about that position:
 *
 *   no filter, or top_k within the limit   for the best of the others: greedily, with all known tokens forbidden, and
 *                                          with its noise as the bias of each loud token. Nobody else scores better.
 *   otherwise, with --max-logprobs -1      for more of the likeliest, in the end for all
 *   otherwise                              never: an answer under top_p, say, is drawn by the server itself, without
 *                                          drafts, and does not repeat for a seed
 *
 * vLLM also tells tokens by id (`logprob_token_ids`), as the loud ones would be. Such a request takes the likeliest
 * tokens of every other in its batch (vLLM 0.32), so there is none here.
 */
import * as z from "zod";
import type { Decision } from "../../core/speculate/accept.ts";
import { type Likeliest, likeliestNeeded, toldOf, withMore } from "../../core/speculate/likeliest.ts";
import { type Loud, loudBiases, loudTokens } from "../../core/speculate/loud.ts";
import type { Sampling, Sibling } from "../../core/speculate/types.ts";
import type { Deciding, TargetEngine } from "../engine.ts";
import { acceptAskingAgain, type OpenRow } from "./ask-again.ts";
import { EngineServer } from "./http.ts";
import { modelOf, type RemoteOptions, remoteEngine, withSiblings } from "./remote.ts";
import { beginnings, best, blockOf, drawnOne, limitOf, run, type Vllm, whole } from "./vllm-completions.ts";

/**
 * Requested of every position at first, where the sampling does not tell how many it keeps. vLLM writes each of them as
 * text, which costs its server 15 ms for 128 of nine positions and 25 ms for 256 (docs/record/log.md).
 */
const MAX_LIKELIEST = 128;
/** Times as many are requested of a position that these leave open. */
const TIMES = 16;
const MORE_WITH =
  "vLLM started with --max-logprobs -1 can do more: drafts under top_p, logit_bias, penalties, and answers with a " +
  "form.";
/** Tokens whose noise is sent as a bias, which vLLM takes so many of. Those of known tokens are among them. */
const LOUD = 512;
const MAX_BIASES = 1024;
const NOTHING_LOUD: Loud = { ids: [], level: Number.POSITIVE_INFINITY };
/** What forbids a token: the most that vLLM's logit_bias takes. */
const FORBIDDEN = -100;
/** Of sums of f32 numbers in a model's range. */
const ROUNDING = 1e-4;
/** Siblings are given up for a whole prompt that computes this part of what beginnings do. */
const WITHOUT_SIBLINGS = 0.5;
/** Each further token of a draft costs most of a block: longer ones are hardly ever worth it. */
const MAX_DRAFT = 8;

const modelSchema = z.object({ id: z.string(), root: z.string().nullish(), max_model_len: z.int().min(2) });
const modelsSchema = z.object({ data: z.array(modelSchema).min(1) });

/** Throws what `modelOf` throws, and `engine_unreachable` where no server answers. */
export async function connectVllm(options: RemoteOptions): Promise<TargetEngine> {
  const server = new EngineServer("vLLM", options.url, options.token);
  const [served] = (await server.get("/v1/models", modelsSchema)).data;
  const { id, root, max_model_len } = served!;
  const { model, vocabulary, context } = await modelOf(server, root == null ? [id] : [id, root], options.model);
  const vllm: Vllm = { server, model: id };
  const asking: Asking = {
    vllm,
    V: vocabulary.size,
    block: await blockOf(server),
    limit: await limitOf(vllm),
  };
  return remoteEngine({
    name: "vllm",
    // One token must be left to decide.
    served: { model, vocabulary, context: Math.min(context, max_model_len) - 1 },
    rules: ["exact"],
    maxDraft: Math.min(MAX_DRAFT, options.maxDraft),
    siblings: true,
    // Of 20 tokens too often none may come, and the server's own biases would not know of the timeline.
    shapes: isUnlimited(asking) ? ["bias", "allowed", "penalties", "minTokens"] : [],
    drafted: (sampling) => isDetermined(asking, sampling),
    moreWith: isUnlimited(asking) ? undefined : MORE_WITH,
    pass: (timeline, ...draft) => decide(asking, timeline, ...draft),
    run: (timeline, sampling, most) => run(vllm, timeline, sampling, most),
  });
}

/** The server and what it can do. */
interface Asking {
  readonly vllm: Vllm;
  readonly V: number;
  /** Tokens of a block of the prefix cache. */
  readonly block: number;
  /** Likeliest tokens that it returns at most. */
  readonly limit: number;
}

const isUnlimited = ({ V, limit }: Asking): boolean => limit >= V;

/** Whether the drawn token is certain once enough was asked. */
function isDetermined(asking: Asking, sampling: Sampling): boolean {
  if (sampling.temperature === 0 || isUnlimited(asking)) return true;
  if (!keepsSome(asking, sampling)) return sampling.topP === 1;
  // The next one in line is asked for with all that are kept forbidden.
  return sampling.topK < asking.limit || (sampling.topK === asking.limit && asking.limit < MAX_BIASES);
}

/** Whether top_k leaves any out. */
const keepsSome = ({ V }: Asking, { temperature, topK }: Sampling): boolean => temperature > 0 && topK > 0 && topK < V;

async function decide(
  asking: Asking,
  timeline: readonly number[],
  draft: readonly number[],
  deciding: Deciding,
  proposed: readonly Sibling[],
): Promise<Decision> {
  const { vllm, V, block } = asking;
  const { sampling, shapers, logprobs } = deciding;
  if (!isDetermined(asking, sampling)) return drawnByServer(vllm, timeline, sampling, logprobs);
  const isWhole = wholeIsCheaper(timeline.length, draft.length, proposed.length, block);
  const siblings = isWhole ? [] : proposed;
  const count = countOf(asking, deciding);
  const rows = await (isWhole
    ? whole(vllm, timeline, draft, count)
    : beginnings(vllm, promptsOf(timeline, draft, siblings), count));
  const isOneEnough = !isUnlimited(asking) || (!shapers && !keepsSome(asking, sampling) && sampling.topP === 1);
  return acceptAskingAgain({ timeline, draft, siblings, deciding }, rows, [], V, (row) =>
    isOneEnough ? bestOfOthers(asking, row, sampling) : likelier(asking, row),
  );
}

/** What is before each row. */
const promptsOf = (timeline: readonly number[], draft: readonly number[], siblings: readonly Sibling[]): number[][] => [
  ...Array.from({ length: draft.length + 1 }, (_, k) => [...timeline, ...draft.slice(0, k)]),
  ...withSiblings(timeline, draft, siblings),
];

/** Likeliest tokens to request of each position at first. */
function countOf(asking: Asking, { sampling, shapers, logprobs = 0 }: Deciding): number {
  const { V, limit } = asking;
  const most = Math.min(MAX_LIKELIEST, limit);
  // Of tokens whose logits change, more have to be known than are told or kept.
  const needed = shapers ? most : likeliestNeeded(sampling, most);
  const reach = isUnlimited(asking) ? TIMES * MAX_LIKELIEST : limit;
  const kept = keepsSome(asking, sampling) ? Math.min(sampling.topK + 1, reach) : 0;
  return Math.min(V, limit, Math.max(needed, kept, logprobs));
}

/** More of the likeliest tokens of a position, then all; null where all are known. */
async function likelier({ vllm, V }: Asking, { known, before }: OpenRow): Promise<Likeliest | null> {
  if (known.ids.length >= V) return null;
  const [row] = await beginnings(vllm, [before], Math.min(V, TIMES * known.ids.length));
  return row!;
}

/**
 * The one token more of a position with which its unknown tokens are bounded: whichever has the largest logit +
 * temperature · max(noise, level of the loud). Under top_k the next one in line, whose noise does not matter.
 */
async function bestOfOthers(
  asking: Asking,
  { known, before, position }: OpenRow,
  sampling: Sampling,
): Promise<Likeliest> {
  const { vllm, V } = asking;
  const { temperature, seed } = sampling;
  const isNext = keepsSome(asking, sampling);
  const loud = isNext ? NOTHING_LOUD : loudTokens(V, seed, position, LOUD);
  const { level } = loud;
  const forbidden = known.ids.map((id) => [id, FORBIDDEN] as const);
  const bias = new Map([...loudBiases(loud, sampling, position), ...forbidden]);
  const { id, logit } = await best(vllm, before, bias);
  const added = bias.get(id) ?? 0;
  // A loud one attains the bound itself, but for what the server rounded.
  const slack = added > 0 ? ROUNDING : 0;
  return {
    ...withMore(known, new Map([[id, logit]])),
    most: Math.min(known.most ?? known.logits.at(-1) ?? Number.POSITIVE_INFINITY, logit + added),
    bound: logit + added + temperature * (level - slack),
  };
}

/**
 * Whether one whole prompt makes the server compute fewer tokens, for a draft of K after P, than beginnings do: K + 1,
 * and one for each sibling. block: of its prefix cache.
 */
export function wholeIsCheaper(P: number, K: number, siblings: number, block: number): boolean {
  if (K === 0) return false;
  const cached = P > block ? block * Math.floor((P - 1) / block) : 0;
  // They are P to P + K tokens long.
  const computed = (K + 1 + siblings) * (P + K / 2 - cached);
  return P + K < computed * (siblings > 0 ? WITHOUT_SIBLINGS : 1);
}

async function drawnByServer(
  vllm: Vllm,
  timeline: readonly number[],
  sampling: Sampling,
  logprobs: number | undefined,
): Promise<Decision> {
  const { tokens, among } = await drawnOne(vllm, timeline, sampling, logprobs);
  if (logprobs === undefined) return { kept: 0, tokens };
  return { kept: 0, tokens, logprobs: tokens.map((id) => toldOf(among, id, logprobs)) };
}
