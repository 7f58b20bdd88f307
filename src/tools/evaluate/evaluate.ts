/** Figures of several models on the same text and answers. */
import path from "node:path";
import type { PackedModel } from "../../core/format/pack.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { Tokenizer } from "../../core/model/tokenizer.ts";
import { readModel } from "../../core/platform/read-model.ts";
import type { TargetEngine } from "../../origin/engine.ts";
import { Pool } from "../compress/calibrate/threads/pool.ts";
import { readAnswers } from "../text/target-text.ts";
import { readWindows } from "../text/windows.ts";
import { endOfOther, type Figures, figuresOf, type Material } from "./figures.ts";
import { DRAFTED } from "./replay.ts";

export interface Evaluation {
  /** Packs, GGUF files or Hugging Face folders; all of one vocabulary. */
  readonly models: readonly [string, ...string[]];
  /** Windows of a text, for perplexity: the first one's number, how many, and tokens of each. */
  readonly text?: { readonly file: string; readonly first: number; readonly count: number; readonly length: number };
  /** Answers that a target wrote, for acceptance: how many of a file, from the first; of a folder, of each file. */
  readonly answers?: { readonly file: string; readonly count: number };
  /** A model of the same vocabulary: KL from it on the text, and the share of equal argmax. */
  readonly against?: string | undefined;
  /** Whether to draft the answers as the service does, too. */
  readonly served: boolean;
  /** Most draft tokens of a pass there, siblings included; 8 unless given. */
  readonly drafted?: number;
  /** Most positions of a draft there; as many as tokens unless given. */
  readonly positions?: number | undefined;
  /** Drafts without siblings, as before an engine that verifies none. */
  readonly chains?: boolean;
  /** The target that wrote the answers, where it runs: asked what it says behind refused draft tokens. */
  readonly target?: TargetEngine | undefined;
  /** Whether to time the engine's decoding. */
  readonly speed: boolean;
}

/**
 * Yields the figures of each model as soon as they are known. Models run one after the other, so that the memory holds
 * one of them, and the head and hidden states of the model they are compared with. Throws `bad_model` for models of
 * different vocabularies.
 */
export async function* evaluate(evaluation: Evaluation): AsyncGenerator<Figures> {
  const { models, against } = evaluation;
  const first = await readModel(models[0]);
  const material = await materialOf(evaluation, new Tokenizer(first.tokenizer["tokenizer.json"]));
  await using pool = await Pool.open();
  const other = against === undefined ? undefined : await readModel(against);
  if (other) checkVocabulary(other, first);
  const end = other && (await endOfOther(pool, other, material.windows));
  for (const [n, file] of models.entries()) {
    const model = n === 0 ? first : await readModel(file);
    checkVocabulary(model, first);
    yield await figuresOf(pool, file, model, material, end);
  }
}

async function materialOf(evaluation: Evaluation, tokenizer: Tokenizer): Promise<Material> {
  const { text, answers, against, served, drafted = DRAFTED, positions, chains, target, speed } = evaluation;
  const parts = [
    text && describeWindows(text),
    against && `against ${against}`,
    answers && `up to ${answers.count} answers of ${path.basename(answers.file)}`,
    served && `at most ${drafted} tokens drafted a pass`,
    served && chains && "without siblings",
    served && positions !== undefined && `for at most ${positions} positions`,
    target && `beside ${target.model}`,
  ];
  return {
    on: parts.filter(Boolean).join(", "),
    windows: text ? await readWindows(text.file, tokenizer, text.first, text.count, text.length) : [],
    answers: answers ? await readAnswers(answers.file, answers.count) : [],
    served,
    drafted: { tokens: drafted, positions, chains },
    target,
    speed,
  };
}

/** In words. */
const describeWindows = ({ file, first, count, length }: NonNullable<Evaluation["text"]>): string =>
  `windows ${first}..${first + count - 1} of ${length} tokens of ${path.basename(file)}`;

/** Windows and answers are tokens of one vocabulary. */
function checkVocabulary(model: PackedModel, first: PackedModel): void {
  if (model.vocabulary.hash === first.vocabulary.hash) return;
  throw new OutriderError(
    "bad_model",
    `${model.model} has other tokens than ${first.model}; evaluate models of different vocabularies one by one`,
  );
}
