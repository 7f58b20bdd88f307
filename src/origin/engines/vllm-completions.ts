/**
 * What is asked of a vLLM server and what it returns. This file is the one place of the origin that knows a shape of
 * OpenAI's: vLLM has no other interface than its completions.
 */
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";
import type { Likeliest } from "../../core/speculate/likeliest.ts";
import { GREEDY, type Sampling } from "../../core/speculate/types.ts";
import type { EngineServer } from "./http.ts";

/** Likeliest tokens that vLLM returns at most where nothing else is known of it. */
const USUAL_LIMIT = 20;
/** More than any server returns: its refusal names the limit. */
const TOO_MANY = 10_000_000;
/** Tokens of a block of the prefix cache, which matches whole blocks, where a server does not tell: that of GPUs. */
const BLOCK = 16;
/** Requests for likeliest tokens before an incomplete reply ends the pass. */
const TRIES = 4;

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

type Choice = z.infer<typeof choiceSchema>;

/** A server and the model of it that is asked. */
export interface Vllm {
  readonly server: EngineServer;
  readonly model: string;
}

/** What --max-logprobs is, which only a refusal tells. */
export async function limitOf({ server, model }: Vllm): Promise<number> {
  const body = { model, prompt: [0], max_tokens: 1, logprobs: TOO_MANY };
  const refusal = await server.post("/v1/completions", body, replySchema).catch((reason: unknown) => reason);
  const told = refusal instanceof OutriderError && /max allowed: (\d+)/.exec(refusal.message)?.[1];
  return told ? Number(told) : USUAL_LIMIT;
}

/** Tokens of a block of the server's prefix cache; infinite where it is off. */
export async function blockOf(server: EngineServer): Promise<number> {
  // Metrics may be off, or not for everybody.
  const told = await server.text("/metrics").catch(() => "");
  const facts = /^vllm:cache_config_info{(.*)}/m.exec(told)?.[1] ?? "";
  if (facts.includes('enable_prefix_caching="False"')) return Number.POSITIVE_INFINITY;
  return Number(/\bblock_size="(\d+)"/.exec(facts)?.[1] ?? BLOCK);
}

/** A server fills in what its model's generation_config.json says of anything that is left out. */
const drawn = ({ temperature, topK, topP, minP }: Sampling) => ({
  temperature,
  top_k: topK > 0 ? topK : -1,
  top_p: topP,
  min_p: minP,
  repetition_penalty: 1,
});

/** What most requests have: one token, and the likeliest ones by id. A seed in the request kills vLLM's CPU engine. */
const common = (model: string, count: number) => ({
  model,
  max_tokens: 1,
  ...drawn(GREEDY),
  logprobs: count,
  return_tokens_as_token_ids: true,
});

/** The `count` likeliest tokens after each token of the draft, from one prompt whose probabilities are all computed. */
export async function whole(
  { server, model }: Vllm,
  timeline: readonly number[],
  draft: readonly number[],
  count: number,
): Promise<Likeliest[]> {
  const prompt = [...timeline, ...draft];
  const [choice] = await choicesOf(server, { ...common(model, count), prompt, prompt_logprobs: count }, count);
  const rows = (choice!.prompt_logprobs ?? []).slice(timeline.length);
  return [...rows.map((row) => ranked(row ?? {}, count)), last(choice!)];
}

/** The `count` likeliest tokens after each prompt. */
export async function beginnings(
  { server, model }: Vllm,
  prompt: readonly (readonly number[])[],
  count: number,
): Promise<Likeliest[]> {
  return (await choicesOf(server, { ...common(model, count), prompt }, count)).map(last);
}

/**
 * Choices in the order of their prompts, with at least `count` likeliest tokens each. A request with
 * `logprob_token_ids` in the same batch takes these from all others, which then get their own token and a made-up one
 * (vLLM 0.32). Other clients may send such. Rejects with `engine_refused` where it goes on.
 */
async function choicesOf(server: EngineServer, body: object, count: number): Promise<Choice[]> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const choices = (await server.post("/v1/completions", body, replySchema)).choices;
    if (choices.every((choice) => told(choice).length >= count)) return choices.toSorted((a, b) => a.index - b.index);
  }
  throw new OutriderError(
    "engine_refused",
    `the vLLM server returns fewer than the ${count} likeliest tokens that it was asked for; another client may be ` +
      "asking it for logprob_token_ids, which vLLM gives to all requests of a batch",
    { status: 502, retryable: true },
  );
}

/** The token with the largest sum of logit and bias after a prompt, and its logarithm of probability. */
export async function best(
  { server, model }: Vllm,
  prompt: readonly number[],
  bias: ReadonlyMap<number, number>,
): Promise<{ id: number; logit: number }> {
  const body = { ...common(model, 1), prompt, return_token_ids: true, logit_bias: Object.fromEntries(bias) };
  const [choice] = (await server.post("/v1/completions", body, replySchema)).choices;
  const id = choice!.token_ids?.[0];
  const logit = choice!.logprobs?.token_logprobs[0];
  if (id === undefined || logit == null) {
    throw new OutriderError("engine_refused", "the vLLM server does not tell its token's id and probability", {
      status: 502,
    });
  }
  return { id, logit };
}

/** One token that the server draws by its own sampler, and the `count` likeliest in its place where that is given. */
export async function drawnOne(
  { server, model }: Vllm,
  prompt: readonly number[],
  sampling: Sampling,
  count: number | undefined,
): Promise<{ tokens: readonly number[]; among: Likeliest }> {
  const told = count === undefined ? 0 : Math.max(1, count);
  const logprobs = told > 0 && { logprobs: told, return_tokens_as_token_ids: true };
  const body = { model, prompt, max_tokens: 1, return_token_ids: true, ...drawn(sampling), ...logprobs };
  const [choice] = await choicesOf(server, body, told);
  return { tokens: (choice!.token_ids ?? []).slice(0, 1), among: last(choice!) };
}

/** What the server draws, greedily or by its own sampler. */
export async function* run({ server, model }: Vllm, timeline: readonly number[], sampling: Sampling, most: number) {
  const options = { ignore_eos: true, return_token_ids: true, stream: true };
  const body = { model, prompt: timeline, max_tokens: most, ...drawn(sampling), ...options };
  for await (const { choices } of server.stream("/v1/completions", body, runSchema)) yield choices[0]?.token_ids ?? [];
}

/** A position of `prompt_logprobs`: the `count` likeliest, and after them the draft's token if it is none of these. */
const ranked = (row: z.infer<typeof rankedSchema>, count: number): Likeliest =>
  likeliest(
    Object.entries(row).map(([id, { logprob }]) => [Number(id), logprob]),
    count,
  );

/** The position after the whole prompt. */
function last(choice: Choice): Likeliest {
  const row = told(choice);
  return likeliest(row, row.length);
}

const told = ({ logprobs }: Choice): [id: number, logprob: number][] =>
  Object.entries(logprobs?.top_logprobs[0] ?? {}).map(([name, logprob]) => [
    Number(name.replace("token_id:", "")),
    logprob,
  ]);

function likeliest(row: readonly (readonly [id: number, logprob: number])[], count: number): Likeliest {
  const kept = row.toSorted(([, a], [, b]) => b - a).slice(0, count);
  return { ids: kept.map(([id]) => id), logits: kept.map(([, logprob]) => logprob), logTotal: 0 };
}
