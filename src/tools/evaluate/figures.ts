/**
 * The figures of models, which run one after the other in the memory of one pool. The model they are compared with runs
 * once.
 */

import type { Llama } from "../../core/draft/llama.ts";
import { evenWidth } from "../../core/format/even-width.ts";
import type { PackedModel } from "../../core/format/pack.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { isTrimmed, TokenRows } from "../../core/model/token-rows.ts";
import { startProgress } from "../../core/platform/progress.ts";
import type { TargetEngine } from "../../origin/engine.ts";
import { FloatLlama } from "../compress/calibrate/float-llama.ts";
import type { HeadInput } from "../compress/calibrate/passes/head.ts";
import { hitsOf } from "../compress/calibrate/scoring/agreement.ts";
import { answers, endOf, runThrough, type Score, summed } from "../compress/calibrate/scoring/perplexity.ts";
import type { Pool } from "../compress/calibrate/threads/pool.ts";
import { DECODED, medianDecodeSpeed, PROMPT, timedLlama } from "../inspect/timing.ts";
import type { TargetAnswer } from "../text/target-text.ts";
import { type Acceptance, acceptances } from "./acceptance.ts";
import { loadedLlama } from "./loaded-llama.ts";
import { type Drafted, replayFigures, replayTokens, type ServedFigures } from "./replay.ts";
import { type Size, sizeOf } from "./size.ts";

/** A model's decoding is timed for so many seconds. */
const SPEED_SECONDS = 3;

/**
 * Figures that were not asked for are absent. So are perplexity and KL of a trimmed vocabulary, which are not defined.
 */
export interface Figures extends Size, Partial<Score>, Partial<ServedFigures> {
  /** The pack's name as it was given. */
  readonly pack: string;
  readonly model: string;
  /** The text that the figures are on, in words. */
  readonly on: string;
  readonly acceptance?: Acceptance;
  readonly acceptanceWithoutLoops?: Acceptance;
  /** Tokens a second. */
  readonly decodeTps?: number;
}

/** What models are evaluated on. */
export interface Material {
  /** In words. */
  readonly on: string;
  readonly windows: readonly (readonly number[])[];
  readonly answers: readonly TargetAnswer[];
  /** Whether to draft the answers as the service does, too. */
  readonly served: boolean;
  readonly drafted: Drafted;
  /** The target that wrote the answers, where it runs. */
  readonly target?: TargetEngine | undefined;
  readonly speed: boolean;
}

/**
 * Hidden states and head of the other model on all windows. Its head stays in the pool's memory, its blocks do not.
 * Throws `bad_model` for a model with a trimmed vocabulary.
 */
export async function endOfOther(pool: Pool, other: PackedModel, windows: Material["windows"]): Promise<HeadInput> {
  if (isTrimmed(other)) {
    throw new OutriderError("bad_model", `${other.model} lacks tokens of its vocabulary; compare with a whole model`);
  }
  const llama = new FloatLlama(pool, evenWidth(other));
  const end = endOf(llama, await runThrough(llama, windows));
  llama.releaseBlocks();
  return end;
}

/**
 * The figures of one model, `pack` as it was named; its memory is free again afterwards. Rejects with what the engine
 * rejects with.
 */
export async function figuresOf(
  pool: Pool,
  pack: string,
  model: PackedModel,
  material: Material,
  against: HeadInput | undefined,
): Promise<Figures> {
  const windows = isTrimmed(model) ? [] : material.windows;
  const replayed = material.served ? material.answers : [];
  const progress = startProgress(model.model, windows.length + material.answers.length + replayed.length);
  const llama = new FloatLlama(pool, evenWidth(model));
  try {
    let done = 0;
    const seen = async function* () {
      for await (const window of answers(llama, windows, against)) {
        yield window;
        progress.update(++done);
      }
    };
    const score = windows.length > 0 ? await summed(seen(), against !== undefined) : {};
    const hits = await hitsOf(llama, new TokenRows(model), material.answers, (count) =>
      progress.update(windows.length + count),
    );
    const scored = windows.length + material.answers.length;
    const tokens = Math.max(
      material.served ? replayTokens(replayed, material.drafted) : 0,
      material.speed ? PROMPT + DECODED : 0,
    );
    const loaded = tokens > 0 && (await loadedLlama(model, tokens));
    const served =
      loaded &&
      material.served &&
      (await replayFigures(loaded, replayed, material.drafted, material.target, (count) =>
        progress.update(scored + count),
      ));
    const speed = loaded && material.speed && { decodeTps: await decodeTpsOf(loaded) };
    return {
      pack,
      model: model.model,
      on: material.on,
      ...sizeOf(model),
      ...score,
      ...(hits.length > 0 && acceptances(material.answers, hits)),
      ...served,
      ...speed,
    };
  } finally {
    progress.end();
    llama.release();
  }
}

async function decodeTpsOf(llama: Llama): Promise<number> {
  const engine = timedLlama(llama);
  const speed = await medianDecodeSpeed(engine, SPEED_SECONDS);
  engine.release();
  return speed;
}
