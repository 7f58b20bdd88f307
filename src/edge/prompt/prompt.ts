/** What a generation means for the model at hand: prompt ids, how much may be decided, and what ends an answer. */
import { familyOf } from "../../core/calls/families.ts";
import type { Conversation } from "../../core/calls/family.ts";
import type { TargetDescription } from "../../core/format/edge-model.ts";
import type { ChatMessage, ChatTemplate } from "../../core/model/chat.ts";
import { OutriderError } from "../../core/model/errors.ts";
import type { FillTemplate } from "../../core/model/fill.ts";
import type { Tokenizer } from "../../core/model/tokenizer.ts";
import type { Shaping } from "../../core/speculate/shaping.ts";
import type { Generation } from "./generation.ts";
import { predictedIds } from "./prediction.ts";
import type { Offer } from "./tools.ts";

export interface Task {
  readonly prompt: readonly number[];
  /** Tokens that the client expects as the answer; none where it expects nothing. */
  readonly prediction: readonly number[];
  /** Tokens to decide at most, at least 1. */
  readonly maxTokens: number;
  readonly stopIds: ReadonlySet<number>;
  /** What changes the target's logits, if anything does. */
  readonly shaping?: Shaping;
  /** What the answer begins with: the prompt's text, where the client wants it back. */
  readonly echo: string;
}

/** The parts of a target that reading a prompt needs. */
interface Reader {
  readonly description: Pick<TargetDescription, "vocabulary" | "context" | "stopIds">;
  readonly tokenizer: Tokenizer;
  chat(): ChatTemplate;
  fill(): FillTemplate;
}

/**
 * Throws `context_length_exceeded`, `bad_token`, `no_fill_in_the_middle`, or what the chat template refuses, all 400.
 * A prompt that is too long is never shortened: only the client knows which part of it matters least. Nor is it read to
 * its end: its length costs whoever is served beside it nothing.
 */
export function taskOf(generation: Generation, reader: Reader): Task {
  const { input, maxTokens, prediction, stopIds: more, ignoreEos, shaping, echo } = generation;
  const { vocabulary, context, stopIds } = reader.description;
  let prompt: readonly number[];
  try {
    prompt = promptOf(generation, reader, context - 1);
  } catch (error) {
    if ((error as OutriderError).code === "too_many_tokens") throw tooLong(input, `more than ${context - 1}`, context);
    throw error;
  }
  const room = context - prompt.length;
  if (room < 1) throw tooLong(input, `${prompt.length}`, context);
  const { size } = vocabulary;
  const within = (ids: readonly number[], param: string): void => {
    const bad = ids.find((id) => id >= size);
    if (bad === undefined) return;
    throw new OutriderError("bad_token", `${param}: token id ${bad} is outside the vocabulary of ${size}`, { param });
  };
  within(prompt, paramOf(input));
  within(more, "stop_token_ids");
  within(shaping?.bias?.map(([id]) => id) ?? [], "logit_bias");
  within(shaping?.allowed ?? [], "allowed_token_ids");
  const ends = input.kind === "fill" ? reader.fill().tokens.ends : [];
  return {
    prompt,
    prediction: prediction === null ? [] : predictedIds(prediction, reader.tokenizer, context),
    maxTokens: Math.min(maxTokens ?? room, room),
    stopIds: new Set([...(ignoreEos ? [] : [...stopIds, ...ends]), ...more]),
    ...(shaping && { shaping: { from: prompt.length, ...shaping } }),
    echo: echo ? echoed(input, reader.tokenizer) : "",
  };
}

/** `context_length_exceeded`, for a prompt of so many tokens. */
export const tooLong = (input: Generation["input"], length: string, context: number) =>
  new OutriderError(
    "context_length_exceeded",
    `the prompt${input.kind === "fill" ? " and the suffix have" : " has"} ${length} tokens; the model's ` +
      `context is ${context}, and one must be left for the answer. Shorten the ${paramOf(input)}`,
    { param: paramOf(input) },
  );

const paramOf = ({ kind }: Generation["input"]) => (kind === "chat" ? "messages" : "prompt");

/** Templates list the parameters of every tool. */
const NO_PARAMETERS = { type: "object", properties: {} };

/** What a chat template is given: tools as the model's family takes them. */
export function conversationOf(
  messages: readonly ChatMessage[],
  offer: Offer | null,
  { source }: Pick<ChatTemplate, "source">,
): Conversation {
  // In the order in which models were shown them.
  const tools = (offer?.tools ?? []).map(({ name, description, parameters = NO_PARAMETERS }) => ({
    name,
    ...(description !== undefined && { description }),
    parameters,
  }));
  const given = { messages, tools };
  return familyOf(source).conversation?.(given) ?? given;
}

/** A prompt as text. */
const echoed = (input: Generation["input"], tokenizer: Tokenizer): string => {
  if (input.kind === "chat") return "";
  return typeof input.prompt === "string" ? input.prompt : tokenizer.decode(input.prompt);
};

function promptOf(
  { input, offer }: Pick<Generation, "input" | "offer">,
  { tokenizer, chat, fill }: Reader,
  most: number,
): readonly number[] {
  if (input.kind === "chat") {
    const { messages, tools } = conversationOf(input.messages, offer, chat());
    return chat().encode(messages, most, tools);
  }
  if (input.kind === "fill") {
    const { prompt, suffix, files, lineBehind } = input;
    return fill().encode({ before: prompt, after: suffix, files, lineBehind }, most);
  }
  return typeof input.prompt === "string" ? tokenizer.encodePrompt(input.prompt, most) : input.prompt;
}
