/** What a generation means for the model at hand: prompt ids, how much may be decided, and what ends an answer. */
import type { TargetDescription } from "../format/target.ts";
import type { ChatTemplate } from "../model/chat.ts";
import { OutriderError } from "../model/errors.ts";
import type { FillTemplate } from "../model/fill.ts";
import type { Tokenizer } from "../model/tokenizer.ts";
import type { Generation } from "./openai.ts";
import { predictedIds } from "./prediction.ts";

export interface Task {
  readonly prompt: readonly number[];
  /** Tokens that the client expects as the answer; none where it expects nothing. */
  readonly prediction: readonly number[];
  /** Tokens to decide at most, at least 1. */
  readonly maxTokens: number;
  readonly stopIds: ReadonlySet<number>;
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
export function taskOf({ input, maxTokens, prediction }: Generation, reader: Reader): Task {
  const { vocabulary, context, stopIds } = reader.description;
  let prompt: readonly number[];
  try {
    prompt = promptOf(input, reader, context - 1);
  } catch (error) {
    if ((error as OutriderError).code === "too_many_tokens") throw tooLong(input, `more than ${context - 1}`, context);
    throw error;
  }
  const room = context - prompt.length;
  if (room < 1) throw tooLong(input, `${prompt.length}`, context);
  const { size } = vocabulary;
  const bad = prompt.find((id) => id >= size);
  if (bad !== undefined) {
    throw new OutriderError("bad_token", `token id ${bad} is outside the vocabulary of ${size}`, {
      param: paramOf(input),
    });
  }
  const ends = input.kind === "fill" ? reader.fill().tokens.ends : [];
  return {
    prompt,
    prediction: prediction === null ? [] : predictedIds(prediction, reader.tokenizer, context),
    maxTokens: Math.min(maxTokens ?? room, room),
    stopIds: new Set([...stopIds, ...ends]),
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

function promptOf(input: Generation["input"], { tokenizer, chat, fill }: Reader, most: number): readonly number[] {
  if (input.kind === "chat") return chat().encode(input.messages, most);
  if (input.kind === "fill") return fill().encode(input.prompt, input.suffix, most);
  return typeof input.prompt === "string" ? tokenizer.encodePrompt(input.prompt, most) : input.prompt;
}
