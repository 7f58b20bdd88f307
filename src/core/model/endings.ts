/**
 * Tokens that end an answer, by their texts. A checkpoint often names one of several: Qwen2.5's files name <|im_end|>
 * and leave out <|endoftext|>, with which the model ends a raw completion.
 */
const ENDINGS: ReadonlySet<string> = new Set([
  "<|im_end|>",
  "<|endoftext|>",
  "<|end_of_text|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<|end|>",
  "<|return|>",
  "<end_of_turn>",
  "<|END_OF_TURN_TOKEN|>",
  "</s>",
  "<eos>",
]);

/** The ids among these special tokens that end an answer. */
export const endingIds = (special: Iterable<readonly [id: number, text: string]>): number[] =>
  [...special].filter(([, text]) => ENDINGS.has(text)).map(([id]) => id);
