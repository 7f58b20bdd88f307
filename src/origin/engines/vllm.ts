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
 * Of a position the server returns its likeliest tokens, 20 unless it was started with --max-logprobs. Where these leave
 * open which token is drawn, it is asked again about that position:
 *
 *   no filter, or top_k within the limit   for the best of the others: greedily, with all known tokens forbidden, and
 *                                          with its noise as the bias of each loud token. Nobody else scores better.
 *   otherwise, with --max-logprobs -1      for more of the likeliest, in the end for all
 *   otherwise                              never: an answer under top_p, say, is drawn by the server itself, without
 *                                          drafts, and does not repeat for a seed
 *
 * This file is the one place of the origin that knows a shape of OpenAI's: vLLM has no other interface.
 */
import * as z from "zod";
import { OutriderError } from "../../model/errors.ts";
import { gumbel, noiseBits, noiseKey } from "../../model/noise.ts";
import type { Decision } from "../../speculate/accept.ts";
import { type Likeliest, likeliestNeeded, toldOf, withMore } from "../../speculate/likeliest.ts";
import { type Loud, loudTokens } from "../../speculate/loud.ts";
import { GREEDY, type Sampling, type Sibling } from "../../speculate/types.ts";
import type { Deciding, TargetEngine } from "../engine.ts";
import { acceptAskingAgain, type OpenRow } from "./ask-again.ts";
import { EngineServer } from "./http.ts";
import { modelOf, type RemoteOptions, remoteEngine, withSiblings } from "./remote.ts";

/** Likeliest tokens that vLLM returns at most where nothing else is known of it. */
const USUAL_LIMIT = 20;
/**
 * Requested of every position at first, where the sampling does not tell how many it keeps. vLLM writes each of them as
 * text, which costs its server 15 ms for 128 of nine positions and 25 ms for 256 (docs/log.md).
 */
const MAX_LIKELIEST = 128;
/** Times as many are requested of a position that these leave open. */
const TIMES = 16;
const MORE_WITH =
  "vLLM started with --max-logprobs -1 can do more: drafts under top_p, logit_bias, penalties, and answers with a form.";
/** More than any server returns: its refusal names the limit. */
const TOO_MANY = 10_000_000;
/** Tokens whose noise is sent as a bias. vLLM takes 1,024 biases, and those of known tokens are among them. */
const LOUD = 512;
const NOTHING_LOUD: Loud = { ids: [], level: Number.POSITIVE_INFINITY };
/** What forbids a token: the most that vLLM's logit_bias takes. */
const FORBIDDEN = -100;
/** Of sums of f32 numbers in a model's range. */
const ROUNDING = 1e-4;
/** Tokens of a block of the prefix cache, which matches whole blocks, where a server does not tell: that of GPUs. */
const BLOCK = 16;
/** Siblings are given up for a whole prompt that computes this part of what beginnings do. */
const WITHOUT_SIBLINGS = 0.5;
/** Each further token of a draft costs most of a block: longer ones are hardly ever worth it. */
const MAX_DRAFT = 8;

const rankedSchema = z.record(z.string(), z.object({ logprob: z.number() }));
const choiceSchema = z.object({
  index: z.int(),
  token_ids: z.array(z.int()).nullish(),
  prompt_logprobs: z.array(rankedSchema.nullable()).nullish(),
  logprobs: z
    .object({ token_logprobs: z.array(z.number().nullable()), top_logprobs: z.array(z.record(z.string(), z.number())) })
    .nullish(),
});
const replySchema = z.object({ choices: z.array(choiceSchema).min(1) });
const runSchema = z.object({ choices: z.array(z.object({ token_ids: z.array(z.int()).nullish() })) });
const modelSchema = z.object({ id: z.string(), root: z.string().nullish(), max_model_len: z.int().min(2) });
const modelsSchema = z.object({ data: z.array(modelSchema).min(1) });

type Choice = z.infer<typeof choiceSchema>;

/** Throws what `modelOf` throws, and `engine_unreachable` where no server answers. */
export async function connectVllm(options: RemoteOptions): Promise<TargetEngine> {
  const server = new EngineServer("vLLM", options.url, options.token);
  const [served] = (await server.get("/v1/models", modelsSchema)).data;
  const { id, root, max_model_len } = served!;
  const { model, vocabulary, context } = await modelOf(server, root == null ? [id] : [id, root], options.model);
  const asking: Asking = {
    server,
    model: id,
    V: vocabulary.size,
    block: await blockOf(server),
    limit: await limitOf(server, id),
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
    run: (timeline, sampling, most) => run(asking, timeline, sampling, most),
  });
}

/** The server and what it can do. */
interface Asking {
  readonly server: EngineServer;
  readonly model: string;
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
  return keepsSome(asking, sampling) ? sampling.topK <= asking.limit : sampling.topP === 1;
}

/** Whether top_k leaves any out. */
const keepsSome = ({ V }: Asking, { temperature, topK }: Sampling): boolean => temperature > 0 && topK > 0 && topK < V;

/** What --max-logprobs is, which only a refusal tells. */
async function limitOf(server: EngineServer, model: string): Promise<number> {
  const body = { model, prompt: [0], max_tokens: 1, logprobs: TOO_MANY };
  const refusal = await server.post("/v1/completions", body, replySchema).catch((reason: unknown) => reason);
  const told = refusal instanceof OutriderError && /max allowed: (\d+)/.exec(refusal.message)?.[1];
  return told ? Number(told) : USUAL_LIMIT;
}

/** Tokens of a block of the server's prefix cache; infinite where it is off. */
async function blockOf(server: EngineServer): Promise<number> {
  // Metrics may be off, or not for everybody.
  const told = await server.text("/metrics").catch(() => "");
  const facts = /^vllm:cache_config_info{(.*)}/m.exec(told)?.[1] ?? "";
  if (facts.includes('enable_prefix_caching="False"')) return Number.POSITIVE_INFINITY;
  return Number(/\bblock_size="(\d+)"/.exec(facts)?.[1] ?? BLOCK);
}

async function decide(
  asking: Asking,
  timeline: readonly number[],
  draft: readonly number[],
  deciding: Deciding,
  proposed: readonly Sibling[],
): Promise<Decision> {
  const { server, model, V, block } = asking;
  const { sampling, shapers, logprobs } = deciding;
  if (!isDetermined(asking, sampling)) return drawnByServer(asking, timeline, sampling, logprobs);
  const isWhole = wholeIsCheaper(timeline.length, draft.length, proposed.length, block);
  const siblings = isWhole ? [] : proposed;
  const ways = { server, model, timeline, draft, siblings, count: countOf(asking, deciding) };
  const rows = await (isWhole ? whole(ways) : beginnings(ways));
  const isOneEnough = !isUnlimited(asking) || (!shapers && !keepsSome(asking, sampling) && sampling.topP === 1);
  return acceptAskingAgain({ timeline, draft, siblings, deciding }, rows, [], V, (row) =>
    isOneEnough ? bestOfOthers(asking, row, sampling) : likelier(asking, row),
  );
}

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
async function likelier({ server, model, V }: Asking, { known, before }: OpenRow): Promise<Likeliest | null> {
  if (known.ids.length >= V) return null;
  const count = Math.min(V, TIMES * known.ids.length);
  const [row] = await beginnings({ server, model, timeline: before, draft: [], siblings: [], count });
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
  const { server, model, V } = asking;
  const { temperature, seed } = sampling;
  const key = noiseKey(seed, position);
  const isNext = keepsSome(asking, sampling);
  const { ids, level } = isNext ? NOTHING_LOUD : loudTokens(V, seed, position, LOUD);
  const raised = ids.map((id) => [id, Math.fround(temperature * (gumbel(noiseBits(key, id)) - level))] as const);
  const bias = new Map([...raised, ...known.ids.map((id) => [id, FORBIDDEN] as const)]);
  const body = { ...common(model, 1), prompt: before, return_token_ids: true, logit_bias: Object.fromEntries(bias) };
  const [choice] = (await server.post("/v1/completions", body, replySchema)).choices;
  const id = choice!.token_ids?.[0];
  const logit = choice!.logprobs?.token_logprobs[0];
  if (id === undefined || logit == null) {
    throw new OutriderError("engine_refused", "the vLLM server does not tell its token's id and probability", {
      status: 502,
    });
  }
  const added = bias.get(id) ?? 0;
  // A loud one attains the bound itself, but for what the server rounded.
  const slack = added > 0 ? ROUNDING : 0;
  return {
    ...withMore(known, new Map([[id, logit]])),
    most: Math.min(known.most ?? known.logits.at(-1) ?? Number.POSITIVE_INFINITY, logit + added),
    bound: logit + added + temperature * (level - slack),
  };
}

/** What the server draws, greedily or by its own sampler. */
async function* run({ server, model }: Asking, timeline: readonly number[], sampling: Sampling, most: number) {
  const options = { ignore_eos: true, return_token_ids: true, stream: true };
  const body = { model, prompt: timeline, max_tokens: most, ...drawn(sampling), ...options };
  for await (const { choices } of server.stream("/v1/completions", body, runSchema)) yield choices[0]?.token_ids ?? [];
}

/** A server fills in what its model's generation_config.json says of anything that is left out. */
const drawn = ({ temperature, topK, topP, minP }: Sampling) => ({
  temperature,
  top_k: topK > 0 ? topK : -1,
  top_p: topP,
  min_p: minP,
  repetition_penalty: 1,
});

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

interface Ways {
  readonly server: EngineServer;
  readonly model: string;
  readonly timeline: readonly number[];
  readonly draft: readonly number[];
  readonly siblings: readonly Sibling[];
  /** Likeliest tokens to request of each position. */
  readonly count: number;
}

/** What all requests have: one token, and the likeliest ones by id. A seed in the request kills vLLM's CPU engine. */
const common = (model: string, count: number) => ({
  model,
  max_tokens: 1,
  ...drawn(GREEDY),
  logprobs: count,
  return_tokens_as_token_ids: true,
});

async function whole({ server, model, timeline, draft, count }: Ways): Promise<Likeliest[]> {
  const prompt = [...timeline, ...draft];
  const body = { ...common(model, count), prompt, prompt_logprobs: count };
  const [choice] = (await server.post("/v1/completions", body, replySchema)).choices;
  const rows = (choice!.prompt_logprobs ?? []).slice(timeline.length);
  return [...rows.map((row) => ranked(row ?? {}, count)), last(choice!)];
}

async function beginnings({ server, model, timeline, draft, siblings, count }: Ways): Promise<Likeliest[]> {
  const chain = Array.from({ length: draft.length + 1 }, (_, k) => [...timeline, ...draft.slice(0, k)]);
  const prompt = [...chain, ...withSiblings(timeline, draft, siblings)];
  const { choices } = await server.post("/v1/completions", { ...common(model, count), prompt }, replySchema);
  return choices.toSorted((a, b) => a.index - b.index).map(last);
}

/** A position of `prompt_logprobs`: the `count` likeliest, and after them the draft's token if it is none of these. */
const ranked = (row: z.infer<typeof rankedSchema>, count: number): Likeliest =>
  likeliest(
    Object.entries(row).map(([id, { logprob }]) => [Number(id), logprob]),
    count,
  );

/** The position after the whole prompt. */
function last({ logprobs }: Choice): Likeliest {
  const row = Object.entries(logprobs?.top_logprobs[0] ?? {});
  return likeliest(
    row.map(([name, logprob]) => [Number(name.replace("token_id:", "")), logprob]),
    row.length,
  );
}

function likeliest(row: readonly (readonly [id: number, logprob: number])[], count: number): Likeliest {
  const kept = row.toSorted(([, a], [, b]) => b - a).slice(0, count);
  return { ids: kept.map(([id]) => id), logits: kept.map(([, logprob]) => logprob), logTotal: 0 };
}

async function drawnByServer(
  { server, model }: Asking,
  timeline: readonly number[],
  sampling: Sampling,
  logprobs: number | undefined,
): Promise<Decision> {
  const told = logprobs !== undefined && { logprobs: Math.max(1, logprobs), return_tokens_as_token_ids: true };
  const body = { model, prompt: timeline, max_tokens: 1, return_token_ids: true, ...drawn(sampling), ...told };
  const [choice] = (await server.post("/v1/completions", body, replySchema)).choices;
  const tokens = (choice!.token_ids ?? []).slice(0, 1);
  if (logprobs === undefined) return { kept: 0, tokens };
  return { kept: 0, tokens, logprobs: tokens.map((id) => toldOf(last(choice!), id, logprobs)) };
}
