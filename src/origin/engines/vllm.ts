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
 * A sampled token is certain only where top_k keeps no more tokens than the server returns. Otherwise the server's own
 * sampler draws it, without drafts, and its draw does not repeat for a seed. This file is the one place of the origin
 * that knows a shape of OpenAI's: vLLM has no other interface.
 */
import * as z from "zod";
import { accept, type Decision, partialScores, positionsOf } from "../../speculate/accept.ts";
import { type Likeliest, toldOf } from "../../speculate/likeliest.ts";
import type { Sampling, Sibling } from "../../speculate/types.ts";
import type { Deciding, TargetEngine } from "../engine.ts";
import { EngineServer } from "./http.ts";
import { modelOf, type RemoteOptions, remoteEngine, withSiblings } from "./remote.ts";

/** Likeliest tokens that vLLM returns at most, unless it was started with --max-logprobs. */
const MAX_LIKELIEST = 20;
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
  logprobs: z.object({ top_logprobs: z.array(z.record(z.string(), z.number())) }).nullish(),
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
  const block = await blockOf(server);
  return remoteEngine({
    name: "vllm",
    // One token must be left to decide.
    served: { model, vocabulary, context: Math.min(context, max_model_len) - 1 },
    rules: ["exact"],
    maxDraft: Math.min(MAX_DRAFT, options.maxDraft),
    siblings: true,
    // Of 20 tokens too often none may come, and the server's own biases would not know of the timeline.
    shapes: [],
    drafted,
    pass: (timeline, ...draft) => decide(server, id, block, vocabulary.size, timeline, ...draft),
    run: (timeline, most) => run(server, id, timeline, most),
  });
}

/** Whether what the server returns holds all tokens that may be drawn. */
const drafted = ({ temperature, topK }: Sampling): boolean => temperature === 0 || (topK > 0 && topK < MAX_LIKELIEST);

/** Tokens of a block of the server's prefix cache; infinite where it is off. */
async function blockOf(server: EngineServer): Promise<number> {
  // Metrics may be off, or not for everybody.
  const told = await server.text("/metrics").catch(() => "");
  const facts = /^vllm:cache_config_info{(.*)}/m.exec(told)?.[1] ?? "";
  if (facts.includes('enable_prefix_caching="False"')) return Number.POSITIVE_INFINITY;
  return Number(/\bblock_size="(\d+)"/.exec(facts)?.[1] ?? BLOCK);
}

async function decide(
  server: EngineServer,
  model: string,
  block: number,
  V: number,
  timeline: readonly number[],
  draft: readonly number[],
  { sampling, rule, stop, logprobs }: Deciding,
  proposed: readonly Sibling[],
): Promise<Decision> {
  if (!drafted(sampling)) return drawnByServer(server, model, timeline, sampling, logprobs);
  // Two show a tie for the first position. Ties for the last of top_k take all that the server returns.
  const count = sampling.temperature === 0 ? Math.max(2, logprobs ?? 0) : MAX_LIKELIEST;
  const isWhole = wholeIsCheaper(timeline.length, draft.length, proposed.length, block);
  const siblings = isWhole ? [] : proposed;
  const ways = { server, model, timeline, draft, siblings, count };
  const rows = await (isWhole ? whole(ways) : beginnings(ways));
  const positions = positionsOf(timeline.length, draft.length, siblings);
  const scores = partialScores(rows, [], V, sampling, positions, undefined, logprobs);
  const decision = accept(scores, draft, rule, stop, siblings);
  if (decision.tokens.length > 0) return decision;
  return { ...(await drawnByServer(server, model, timeline, sampling, logprobs)), passes: 2 };
}

async function* run(server: EngineServer, model: string, timeline: readonly number[], most: number) {
  const options = { temperature: 0, ignore_eos: true, return_token_ids: true, stream: true };
  const body = { model, prompt: timeline, max_tokens: most, ...options };
  for await (const { choices } of server.stream("/v1/completions", body, runSchema)) yield choices[0]?.token_ids ?? [];
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
  temperature: 0,
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
  server: EngineServer,
  model: string,
  timeline: readonly number[],
  { temperature, topK, topP, minP }: Sampling,
  logprobs: number | undefined,
): Promise<Decision> {
  const sampling = { temperature, top_k: topK > 0 ? topK : -1, top_p: topP, min_p: minP };
  const told = logprobs !== undefined && { logprobs: Math.max(1, logprobs), return_tokens_as_token_ids: true };
  const body = { model, prompt: timeline, max_tokens: 1, return_token_ids: true, ...sampling, ...told };
  const [choice] = (await server.post("/v1/completions", body, replySchema)).choices;
  const tokens = (choice!.token_ids ?? []).slice(0, 1);
  if (logprobs === undefined) return { kept: 0, tokens };
  return { kept: 0, tokens, logprobs: tokens.map((id) => toldOf(last(choice!), id, logprobs)) };
}
