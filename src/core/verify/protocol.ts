/**
 * The wire between edge and origin, and its only home. Text frames over one WebSocket per generation: a line of JSON,
 * and a line with its check, since a frame that is changed on its way would change the text.
 *
 *   frame    from    meaning
 *   open     edge    start or resume: decide tokens from position keep + prompt.length on
 *   draft    edge    proposed tokens from `position` on, and siblings: alternatives for single positions, for an origin
 *                    whose verdicts report that it verifies them. A longer draft from the same position is the same
 *                    and what was drafted behind it since. Dropped if late or unfitting. Without tokens: no draft will
 *                    come for positions up to this one, do not wait
 *   close    edge    the client went away; the origin stops within one pass
 *   verdict  origin  one target pass: how many draft tokens were kept, and the tokens it decided
 *   working  origin  no verdict for a while, and the generation goes on: it computes its prompt, or waits for its turn
 *   done     origin  nothing more will be decided, and why
 *   error    origin  refused or failed; `retryable` tells whether the same open may succeed later
 *
 * The bearer token travels in the `authorization` header of the upgrade, never in a frame.
 */
import * as z from "zod";
import type { ConstraintSource } from "../grammar/source.ts";
import { OutriderError } from "../model/errors.ts";

/**
 * Edge and origin must have the same. 2: `arrival` in verdicts was `turn`. 3: drafts had 15 tokens at most. 4: no
 * check. 5: no shaping, no log probabilities, no constraint.
 */
export const PROTOCOL_VERSION = 5;
/** Longest frame either side accepts, in characters: an `open` with 128k token ids fits. */
export const MAX_FRAME_CHARS = 2_000_000;
/**
 * Longest draft in tokens, siblings included; one target pass scores MAX_DRAFT + 1 positions. An engine may take fewer
 * and then uses the beginning of a draft.
 */
export const MAX_DRAFT = 31;

/** Tokens that a bias or a list of allowed ones may name. */
export const MAX_SHAPED = 4096;
/** Largest amount that a bias adds to a logit or takes from it. */
export const MAX_BIAS = 100;
/** Most of the likeliest tokens that are told of each position. */
export const MAX_LOGPROBS = 20;

const token = z.int().min(0).max(0xffffffff);
const position = z.int().min(0);
const patience = z.number().min(0).max(600_000);

const samplingSchema = z.object({
  temperature: z.number().min(0).max(100),
  topK: z.int().min(0),
  topP: z.number().gt(0).max(1),
  minP: z.number().min(0).max(1),
  seed: z.int().min(0).max(0xffffffff),
});

/**
 * What changes the logits before a token is chosen (`Shaping`). Each kind is a field of its own. An origin refuses a
 * kind that its engine cannot do, by name, and one that it does not know as a bad frame: nothing is dropped.
 */
const shapingSchema = z.strictObject({
  from: position,
  bias: z
    .array(z.tuple([token, z.number().min(-MAX_BIAS).max(MAX_BIAS).nullable()]).readonly())
    .max(MAX_SHAPED)
    .readonly()
    .optional(),
  allowed: z.array(token).min(1).max(MAX_SHAPED).readonly().optional(),
  repetition: z.strictObject({ by: z.number().gt(0).max(100), last: z.int().min(0) }).optional(),
  penalties: z.strictObject({ presence: z.number(), frequency: z.number() }).optional(),
  minTokens: z.int().min(0).optional(),
});

const constraintSchema: z.ZodType<ConstraintSource> = z.lazy(() =>
  z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("schema"), schema: z.unknown() }),
    z.strictObject({ kind: z.literal("regex"), pattern: z.string() }),
    z.strictObject({ kind: z.literal("choice"), of: z.array(z.string()).min(1).readonly() }),
    z.strictObject({ kind: z.literal("grammar"), text: z.string() }),
    z.strictObject({ kind: z.literal("without"), patterns: z.array(z.string()).min(1).readonly() }),
    z.strictObject({ kind: z.literal("sequence"), of: z.array(constraintSchema).readonly() }),
    z.strictObject({ kind: z.literal("either"), of: z.array(constraintSchema).min(1).readonly() }),
    z.strictObject({
      kind: z.literal("several"),
      item: constraintSchema,
      between: z.string(),
      most: z.int().min(1).max(1024),
    }),
  ]),
);

const ruleSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("exact") }),
  z.object({ kind: z.literal("bild"), alphaRollback: z.number().min(0) }),
]);

const openSchema = z.object({
  type: z.literal("open"),
  version: z.int(),
  model: z.string(),
  /** `vocabulary.hash` of the edge's pack. */
  vocabulary: z.string(),
  session: z.string().min(1).max(128),
  /** Whose request it is, for the origin's shares: a name, never a key. Without one, all are one tenant. */
  tenant: z.string().max(64).optional(),
  /** Tokens of this session that the origin should still hold; 0 sends the whole prompt. */
  keep: position,
  /** `timelineHash` of the kept tokens; ignored when keep is 0. */
  keepHash: z.string(),
  /** The timeline after the kept prefix. */
  prompt: z.array(token),
  sampling: samplingSchema,
  shaping: shapingSchema.optional(),
  /** The form that the answer must have, and where it begins in the timeline. */
  constraint: z.strictObject({ from: position, source: constraintSchema }).optional(),
  /** Tell the log probability of each token, and of so many of the likeliest. */
  logprobs: z.int().min(0).max(MAX_LOGPROBS).optional(),
  rule: ruleSchema,
  /** How long the origin waits for a draft before it decodes by itself, in ms. */
  patience,
  /** Tokens to decide at most. */
  maxTokens: z.int().min(1),
  /** Token ids that end the answer. */
  stop: z.array(token),
});

const draftSchema = z.object({
  type: z.literal("draft"),
  position,
  tokens: z.array(token).max(MAX_DRAFT),
  /** Alternatives to the token that is `at` in `tokens`. */
  siblings: z
    .array(z.object({ at: position, id: token }))
    .max(MAX_DRAFT)
    .optional(),
  /** Tokens that one pass scores of it at most, siblings apart: further positions would cost more than they save. */
  most: z.int().min(0).optional(),
  /** From now on, instead of the patience of `open`. */
  patience: patience.optional(),
});

const closeSchema = z.object({ type: z.literal("close") });

const verdictSchema = z.object({
  type: z.literal("verdict"),
  position,
  kept: z.int().min(0),
  tokens: z.array(token).min(1),
  passes: z.int().min(1),
  /** Draft tokens that the pass scored, siblings among them. */
  scored: z.int().min(0),
  siblingsScored: z.int().min(0).optional(),
  stepMs: z.number().min(0),
  waitMs: z.number().min(0),
  /** The newest draft, and when it arrived: ms after the verdict that ended at its position. */
  arrival: z.object({ position, tokens: z.int().min(0), ms: z.number().min(0) }).optional(),
  /** The engine cannot verify drafts under this sampling: none is used, so none need be made. */
  undrafted: z.boolean().optional(),
  /** The engine verifies siblings. */
  siblings: z.boolean().optional(),
  /** The target's own tokens behind the first wrong draft token and behind those that follow that one. */
  recycled: z.array(token.nullable()).max(MAX_DRAFT).readonly().optional(),
  /** Generations that the origin runs or lets wait, as a share of those that it runs at once. */
  load: z.number().min(0).optional(),
  /** Of each of `tokens`, where `open` asked for it. */
  logprobs: z
    .array(
      z.object({
        logprob: z.number(),
        top: z
          .array(z.tuple([token, z.number()]).readonly())
          .max(MAX_LOGPROBS)
          .readonly(),
      }),
    )
    .readonly()
    .optional(),
  /** In the first verdict of a generation: the engine's guess of what a pass costs by its positions. */
  passCost: z.record(z.string(), z.number().positive()).optional(),
});

const workingSchema = z.object({
  type: z.literal("working"),
  /** Slices of the timeline that were computed for this generation. More than before: it is getting on. */
  slices: z.int().min(0),
});

const doneSchema = z.object({
  type: z.literal("done"),
  reason: z.enum(["stop", "length"]),
  usage: z.object({ prompt: z.int(), decided: z.int(), passes: z.int() }),
});

const errorSchema = z.object({
  type: z.literal("error"),
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
});

const edgeFrameSchema = z.discriminatedUnion("type", [openSchema, draftSchema, closeSchema]);
const originFrameSchema = z.discriminatedUnion("type", [verdictSchema, workingSchema, doneSchema, errorSchema]);

export type OpenFrame = z.infer<typeof openSchema>;
export type DraftFrame = z.infer<typeof draftSchema>;
export type EdgeFrame = z.infer<typeof edgeFrameSchema>;
export type OriginFrame = z.infer<typeof originFrameSchema>;

export const encodeFrame = (frame: EdgeFrame | OriginFrame): string => withCheck(JSON.stringify(frame));

/** A frame of this JSON, which has no line break. */
export const withCheck = (json: string): string => `${json}\n${check(json)}`;

/** Parses a frame from the edge. Throws `bad_frame` naming the first thing that is wrong. */
export const decodeEdgeFrame = (text: string): EdgeFrame => decode(edgeFrameSchema, checked(text));

/** Parses a frame from the origin. Throws `bad_frame` naming the first thing that is wrong. */
export const decodeOriginFrame = (text: string): OriginFrame => decode(originFrameSchema, checked(text));

/** The JSON of a frame that arrived as it was sent. */
function checked(text: string): string {
  const end = text.lastIndexOf("\n");
  // Longer ones are refused below, and no time is spent on them.
  if (text.length > MAX_FRAME_CHARS) return text;
  const json = text.slice(0, end);
  if (end < 0 || text.slice(end + 1) !== check(json)) throw badFrame("its check does not fit, so it is damaged");
  return json;
}

function decode<T>(schema: z.ZodType<T>, text: string): T {
  if (text.length > MAX_FRAME_CHARS) throw badFrame(`${text.length} characters exceed the limit of ${MAX_FRAME_CHARS}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw badFrame("it is not JSON");
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw badFrame(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`);
}

/** Retryable: a frame may have been damaged on the way, and tries are bounded. */
const badFrame = (what: string) => new OutriderError("bad_frame", `bad frame: ${what}`, { retryable: true });

/** Hash of a token sequence, so that both sides can tell whether they hold the same prefix. */
export const timelineHash = (tokens: readonly number[]): string => cyrb53(tokens.length, (i) => tokens[i]!);

/** Hash of a frame's JSON. */
const check = (json: string): string => cyrb53(json.length, (i) => json.charCodeAt(i));

/** A 53-bit hash (cyrb53) over so many numbers. */
function cyrb53(length: number, at: (i: number) => number): string {
  let h1 = 0xdeadbeef;
  let h2 = 0x41c6ce57;
  for (let i = 0; i < length; i++) {
    const value = at(i);
    h1 = Math.imul(h1 ^ value, 2654435761);
    h2 = Math.imul(h2 ^ value, 1597334677);
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909);
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909);
  return (4294967296 * (2097151 & h2) + (h1 >>> 0)).toString(16);
}
