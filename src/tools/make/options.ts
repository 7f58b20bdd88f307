/** What a draft is made of, as the command was asked. */
import type { DescribedTarget } from "../../core/format/target.ts";
import type { Subject } from "../questions/subjects.ts";
import type { DraftFormat } from "./shape.ts";

/** Of questions, samples and batches. */
export const SEED = 0;

export interface DraftOptions {
  /** The model that the draft proposes tokens to. */
  readonly target: DescribedTarget;
  /** Where the target lies: a pack, a GGUF file, or a Hugging Face folder. */
  readonly targetFile: string;
  /** What the draft is cut from; the target itself, or a smaller model with its tokens. */
  readonly baseFile: string;
  readonly out: string;
  /** Id of the draft. */
  readonly model: string;
  /** Bytes of its pack. */
  readonly budget: number;
  readonly format: DraftFormat;
  /** The blocks that stay, or how many of them. */
  readonly blocks: readonly number[] | number | undefined;
  readonly heads: number | undefined;
  readonly mlp: number | undefined;
  readonly head: number | undefined;
  readonly hours: number | undefined;
  /** The highest learning rate; absent: what suits the cut (rates.ts). */
  readonly rate: number | undefined;
  /** Files of text to teach on. */
  readonly texts: readonly string[];
  /** Files of questions that the target answers. */
  readonly prompts: readonly string[];
  /** What the questions are about that the target is asked; none are. */
  readonly questions: Subject | "none";
  /** Whether the target also asks itself. */
  readonly self: boolean;
  /** The command as it was typed, for the card. */
  readonly command: string;
}
