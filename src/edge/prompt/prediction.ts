/**
 * OpenAI's predicted outputs: the client says what it expects as the answer, such as the file that it wants edited, and
 * the lookup drafter copies from it. The text of the answer does not depend on it, and no draft model is needed. What
 * was copied and what was kept of it stands in `usage.completion_tokens_details`.
 */
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";
import type { Tokenizer } from "../../core/model/tokenizer.ts";

const partSchema = z.object({
  type: z.literal("text").describe("Only `text` is supported."),
  text: z.string().describe("The text of the part."),
});

export const predictionSchema = z
  .strictObject({
    type: z.literal("content", { error: 'must be "content"' }).describe("Always `content`."),
    content: z
      .union([z.string(), z.array(partSchema)], { error: "must be a string or an array of text parts" })
      .describe("The expected text, or text parts that are joined."),
  })
  .meta({
    id: "Prediction",
    description:
      "What the answer will probably be, such as the file that is edited. It is drafted from and never changes the " +
      "text. `usage.completion_tokens_details` says how much of it was kept.",
  });

/** The text of a prediction; null where it is empty, which is none. */
export function predictionText({ content }: z.infer<typeof predictionSchema>): string | null {
  const text = typeof content === "string" ? content : content.map((part) => part.text).join("");
  return text === "" ? null : text;
}

/**
 * Token ids of a prediction, special tokens being text like any other. Throws `context_length_exceeded` where it has
 * more than `most` tokens, which no answer can have.
 */
export function predictedIds(text: string, tokenizer: Tokenizer, most: number): readonly number[] {
  try {
    return tokenizer.encodeInside(text, most);
  } catch (error) {
    if ((error as OutriderError).code !== "too_many_tokens") throw error;
    throw new OutriderError(
      "context_length_exceeded",
      `the prediction has more than ${most} tokens, and the model's context has no more; send only what you expect ` +
        "as the answer",
      { param: "prediction" },
    );
  }
}
