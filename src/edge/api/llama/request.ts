/**
 * Bodies of llama-server's `POST /infill` and `POST /completion` → our `Generation`. Fields that completions have mean
 * the same here; where nobody names a sampling it is llama-server's.
 */
import * as z from "zod";
import { OutriderError } from "../../../core/model/errors.ts";
import type { Generation } from "../../prompt/generation.ts";
import { checkRefusals, headerNames, type Refusals, withoutEffect } from "../openai/fields.ts";
import { generationOf, parseBody } from "../openai/openai.ts";
import { common, completionSchema } from "../openai/request-schemas.ts";

/** What an answer in this shape needs to know. Plain data: it crosses from the Worker to the Session. */
export interface LlamaDialect {
  readonly kind: "llama";
  /** Paths of the answer that alone are told, such as `timings/prompt_n`; null: all. */
  readonly fields: readonly string[] | null;
  /** The prompt is read and nothing is said: `n_predict` 0. */
  readonly silent: boolean;
}

interface LlamaRequest {
  readonly generation: Generation;
  readonly dialect: LlamaDialect;
  /** Names of what is without effect. */
  readonly ignored: readonly string[];
}

/** Files of context, and characters of a file's name. */
const MAX_FILES = 256;
const MAX_NAME = 1024;
/** Paths of `response_fields`. */
const MAX_PATHS = 64;

/** llama-server's own, where a request names none. */
const DEFAULTS = { temperature: 0.8, top_k: 40, top_p: 0.95, min_p: 0.05 } as const;
/** Samplers by llama-server's names, and the value that switches each off. */
const SWITCHED_OFF = { top_k: 0, top_p: 1, min_p: 0, temperature: 1 } as const;
/** Samplers whose settings are refused where they ask for something, so a list may name them. */
const IDLE = new Set(["penalties", "dry", "typ_p", "typical_p", "top_n_sigma", "xtc", "adaptive_p"]);
/** Completes code by what is likely whatever the tokens that it is cut into; near to taking the likeliest. */
const INFILL = "infill";

const own = {
  n_predict: z
    .int()
    .min(-1)
    .nullish()
    .describe(
      "Most tokens of the answer. -1: to the end of the context, the default. 0: the prompt is read, and nothing is said.",
    ),
  n_indent: z
    .int()
    .min(0)
    .nullish()
    .describe("The answer ends before a line that is indented by fewer blanks. Default 0."),
  t_max_predict_ms: z
    .number()
    .min(0)
    .nullish()
    .describe("Behind its first line, the answer ends once it has taken so long, in ms. 0: no limit, the default."),
  samplers: z
    .array(z.string())
    .nullish()
    .describe(
      "Samplers that are used; those of top_k, top_p, min_p and temperature that are not named are off. Their order " +
        "is fixed. `infill` takes the likeliest token.",
    ),
  response_fields: z
    .array(z.string())
    .max(MAX_PATHS)
    .nullish()
    .describe("Paths of the answer that alone are told, such as `content` or `timings/prompt_n`."),
};

export const infillSchema = z
  .object({
    input_prefix: z.string().nullish().describe("Text before the hole."),
    input_suffix: z.string().nullish().describe("Text behind the hole."),
    input_extra: z
      .array(z.object({ filename: z.string().max(MAX_NAME).nullish(), text: z.string() }))
      .max(MAX_FILES)
      .nullish()
      .describe("Other files that the model is shown: `filename` and `text`."),
    prompt: z.string().nullish().describe("Text between `input_prefix` and the hole: the line so far."),
    ...common,
    ...own,
  })
  .meta({ id: "InfillRequest", description: "Body of `POST /infill`." });

export const llamaCompletionSchema = z
  .object({ prompt: completionSchema.shape.prompt, ...common, ...own })
  .meta({ id: "LlamaCompletionRequest", description: "Body of `POST /completion`." });

const KNOWN: ReadonlySet<string> = new Set(
  [infillSchema, llamaCompletionSchema].flatMap(({ shape }) => Object.keys(shape)),
);

/** Fields of other doors whose result no answer of this shape holds, and what is without effect. */
const REFUSED: Refusals = {
  n: { why: "one answer a request is made", fine: [1] },
  n_cmpl: { why: "one answer a request is made", fine: [1] },
  n_probs: { why: "/v1/completions tells log probabilities" },
  max_tokens: { why: "this route takes n_predict", fine: [] },
};

/** Parses the body of `POST /infill`. Throws a 400 with `param`. */
export function parseInfill(body: unknown, randomSeed: () => number): LlamaRequest {
  const request = parseBody(infillSchema, body);
  const { input_prefix, input_suffix, input_extra, prompt } = request;
  const files = (input_extra ?? []).map(({ filename, text }, at) => ({ name: filename ?? `file ${at + 1}`, text }));
  const input = {
    kind: "fill",
    prompt: `${input_prefix ?? ""}${prompt ?? ""}`,
    suffix: input_suffix ?? "",
    files,
    lineBehind: request.outrider?.fill !== "plain",
  } as const;
  return requestOf(request, input, body, randomSeed);
}

/** Parses the body of `POST /completion`. Throws a 400 with `param`. */
export function parseLlamaCompletion(body: unknown, randomSeed: () => number): LlamaRequest {
  const request = parseBody(llamaCompletionSchema, body);
  const prompt = typeof request.prompt === "string" ? request.prompt : (request.prompt as readonly number[]);
  if (prompt.length === 0 || (typeof prompt !== "string" && typeof prompt[0] !== "number")) {
    const message = "prompt: must be one prompt, as text or as token ids, and not empty";
    throw new OutriderError("invalid_request", message, { param: "prompt" });
  }
  return requestOf(request, { kind: "text", prompt }, body, randomSeed);
}

type Given = z.infer<z.ZodObject<typeof common & typeof own>>;

function requestOf(given: Given, input: Generation["input"], body: unknown, randomSeed: () => number): LlamaRequest {
  const fields = body as Readonly<Record<string, unknown>>;
  checkRefusals(fields, REFUSED);
  const silent = given.n_predict === 0;
  const made = generationOf(
    { ...given, ...samplingOf(given) },
    input,
    silent ? 1 : (given.n_predict ?? -1),
    randomSeed,
  );
  return {
    generation: { ...made, indent: given.n_indent ?? 0, maxMs: given.t_max_predict_ms || null },
    dialect: { kind: "llama", fields: given.response_fields ?? null, silent },
    ignored: headerNames(withoutEffect(fields).filter((name) => !KNOWN.has(name))),
  };
}

/** What is drawn from. Throws `unsupported_value` for a sampler that nobody knows. */
function samplingOf(given: Given): Pick<Given, keyof typeof DEFAULTS> {
  const sampling = Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, value]) => [name, given[name as keyof typeof DEFAULTS] ?? value]),
  );
  if (!given.samplers?.length) return sampling;
  const named = new Set(given.samplers);
  const unknown = [...named].find((name) => !(name in SWITCHED_OFF) && !IDLE.has(name) && name !== INFILL);
  if (unknown !== undefined) {
    const known = [...Object.keys(SWITCHED_OFF), INFILL].join(", ");
    throw new OutriderError("unsupported_value", `samplers: ${JSON.stringify(unknown)} is not known; ${known} are`, {
      param: "samplers",
    });
  }
  if (named.has(INFILL)) return { ...sampling, temperature: 0 };
  return Object.fromEntries(
    Object.entries(SWITCHED_OFF).map(([name, off]) => [name, named.has(name) ? sampling[name] : off]),
  );
}
