/**
 * Makes a draft, stage by stage: target → questions and texts → the target's predictions → cut → adapters →
 * rounded → taught → pack → figures → card. Each stage is a file in stages/ and an entry of the journal.
 */

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import { lock } from "../../core/platform/lock.ts";
import type { Figures } from "../evaluate/figures.ts";
import { baseOf, configOf, licenceOf } from "./base.ts";
import { writeCard } from "./card.ts";
import { streamBytes } from "./cutting.ts";
import { identityOf } from "./files.ts";
import { DraftJournal } from "./journal.ts";
import { type Machine, measureMachine } from "./machine.ts";
import type { DraftOptions } from "./options.ts";
import { type DraftPlan, planFor, shapeFor, writes } from "./plan.ts";
import { isProject, projectIdentity } from "./project.ts";
import { openPython } from "./python.ts";
import { describePlan, describeWork } from "./say.ts";
import { writtenPerMinute } from "./schedule.ts";
import { type Base, type DraftShape, draftConfig, weightsOf } from "./shape.ts";
import { checkSpace } from "./space.ts";
import { checkpointStage } from "./stages/checkpoint.ts";
import { chooseStage } from "./stages/choose.ts";
import { cutStage } from "./stages/cut.ts";
import { ADAPTERS, distilStage, roundedWeights } from "./stages/distil.ts";
import { evaluateStage } from "./stages/evaluate.ts";
import { packFolder, packStage } from "./stages/pack.ts";
import { roundStage } from "./stages/round.ts";
import { type Making, workFile } from "./stages/stage.ts";
import { judgeStage, mergeStage, takeStage } from "./stages/texts.ts";
import { writeStages } from "./stages/write.ts";

interface MadeDraft {
  /** Folder of the pack. */
  readonly pack: string;
  /** Bytes of its shards. */
  readonly bytes: number;
  readonly figures: Figures | null;
}

interface Telling {
  /** Stops the work where it can go on later. */
  readonly signal: AbortSignal;
  say(line: string): void;
}

/** Bytes on disk for each weight of the target, its checkpoint, and of the draft: checkpoints with optimiser states. */
const TARGET_BYTES = 4;
const DRAFT_BYTES = 48;
/** A position with its predictions, twice. */
const POSITION_BYTES = 400;

/**
 * Says what it will do, and does it. The same call goes on where an earlier one was
 * stopped. Rejects with what is wrong with the options, with `stopped`, with `busy` while another process makes a
 * draft in the same folder, and with what a stage rejects with.
 */
export async function makeDraft(
  options: DraftOptions,
  telling: Telling,
  open: typeof openPython = openPython,
): Promise<MadeDraft> {
  const { out, target, texts } = options;
  const base = baseOf(await configOf(options.baseFile), target.tokenizer, target.stopIds);
  const shape = shapeFor(base, options);
  if (!writes(options) && texts.length === 0) {
    throw new OutriderError(
      "no_text",
      "there is nothing to teach on: ask the target --questions, or give --text or --prompts",
    );
  }
  const identities: Identities = {
    target: await identityOf(options.targetFile),
    base: options.baseFile === options.targetFile ? null : await identityOf(options.baseFile),
    texts: await Promise.all(texts.map((text) => (isProject(text) ? projectIdentity(text) : identityOf(text)))),
    prompts: await Promise.all(options.prompts.map(identityOf)),
  };
  await mkdir(workFile(out, ""), { recursive: true });
  const unlock = await lock(workFile(out, "lock"), "is making a draft in this folder");
  try {
    return await makeStages(options, base, shape, identities, telling, open);
  } finally {
    await unlock();
  }
}

/** What the user named, by content. */
interface Identities {
  readonly target: unknown;
  /** Null: the target. */
  readonly base: unknown;
  readonly texts: readonly unknown[];
  readonly prompts: readonly unknown[];
}

/** The stages, in a folder that is locked. */
async function makeStages(
  options: DraftOptions,
  base: Base,
  shape: DraftShape,
  identities: Identities,
  { signal, say }: Telling,
  open: typeof openPython,
): Promise<MadeDraft> {
  const { out } = options;
  for (const line of describeWork(options, base, shape)) say(line);
  const journal = await DraftJournal.open(out);
  const python = await open(signal, say);
  const log = workFile(out, "machine.log");
  const machine = await journal.stage<Machine>({
    name: "machine",
    inputs: [process.env.OUTRIDER_PYTHON ?? null],
    makes: [],
    work: () => measureMachine(python, log, signal),
  });
  const targetWeights = await weightsIn(options.targetFile, base.config);
  const making: Making = { options, base, targetWeights, journal, python, machine: machine.found, signal, say };
  const taken = await takeStage(making, identities.texts.map(String));
  const positions = (judged: boolean) =>
    taken.found.filter((text) => !judged || !text.judged).reduce((sum, text) => sum + text.positions, 0);
  const plan = await journal.stage<DraftPlan>({
    name: "plan",
    inputs: [machine.key, taken.key, identities, shape, options.hours ?? null, writes(options)],
    makes: [],
    work: async () =>
      planFor(machine.found, base, shape, options, {
        target: targetWeights,
        given: positions(false),
        unjudged: positions(true),
      }),
  });
  const { schedule } = plan.found;
  for (const line of describePlan(machine.found, plan.found, making, positions(false))) say(line);
  const streams = streamBytes(base, positions(false) + schedule.write * writtenPerMinute(machine.found, targetWeights));
  const models = TARGET_BYTES * targetWeights + DRAFT_BYTES * weightsOf(draftConfig(base.config, shape));
  const bytes = models + streams;
  await checkSpace(out, bytes + POSITION_BYTES * positions(false), "making this draft", "--out");

  const teacher = await checkpointStage(making, "target", options.targetFile, targetWeights, identities.target);
  const written = await writeStages(making, teacher, schedule.write, identities.prompts.map(String), taken);
  const judged = await judgeStage(making, teacher, taken);
  const files = [...written.map(({ found }) => found), ...taken.found.map(({ file }) => file)];
  const merged = await mergeStage(making, files, [...written.map(({ key }) => key), judged.key]);
  const whole =
    identities.base === null
      ? teacher
      : await checkpointStage(making, "base", options.baseFile, weightsOf(base.config), identities.base);
  const blocks = await chooseStage(making, plan.found, merged, identities.base ?? identities.target);
  const cut = await cutStage(making, shape, schedule.cut, merged, whole, blocks);
  const adapted = await distilStage(making, shape, schedule.adapt, merged, cut, ADAPTERS);
  const rounded = await roundStage(making, shape, schedule.round, merged, adapted);
  const course = roundedWeights(adapted, shape.format, options.rate);
  const taught = await distilStage(making, shape, schedule.teach, merged, rounded, course);
  const packed = await packStage(making, shape, taught);
  const figures = await evaluateStage(making, packed, merged.found.heldOut);
  await writeCard(path.join(out, "README.md"), {
    options,
    base,
    plan: plan.found,
    blocks: blocks.found,
    machine: machine.found,
    merged: merged.found,
    bytes: packed.found,
    figures: figures.found,
    licence: await licenceOf(options.baseFile),
  });
  return { pack: packFolder(out), bytes: packed.found, figures: figures.found };
}

/** A target that only PyTorch can run counts as large as the base, which is not smaller than the draft at least. */
async function weightsIn(file: string, base: Parameters<typeof weightsOf>[0]): Promise<number> {
  try {
    return weightsOf(await configOf(file));
  } catch (error) {
    if (error instanceof OutriderError && error.code === "unsupported_model") return weightsOf(base);
    throw error;
  }
}
