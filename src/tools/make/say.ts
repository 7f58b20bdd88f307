/** What the user is told before it begins. */
import path from "node:path";
import { describeShape } from "./budget.ts";
import type { Machine } from "./machine.ts";
import type { DraftOptions } from "./options.ts";
import type { DraftPlan } from "./plan.ts";
import type { TakenProject } from "./project.ts";
import { minutes, PASSES, taughtPerMinute, total, writtenPerMinute } from "./schedule.ts";
import { type Base, type DraftShape, draftBytes, draftConfig, weightsOf } from "./shape.ts";
import type { Making } from "./stages/stage.ts";

const NO_FILES =
  "  no files among it: a draft that is to complete code and fill gaps needs code as well: --text and " +
  "a project's folder";

/** The draft and where it comes from. */
export function describeWork(options: DraftOptions, base: Base, shape: DraftShape): string[] {
  const from = options.baseFile === options.targetFile ? "the target" : path.basename(options.baseFile);
  const size = (draftBytes(base, shape) / 1e6).toFixed(1);
  return [
    `${options.model}: a draft of ${size} MB for ${options.target.model}, in ${options.out}`,
    `  cut from ${from}: ${describeShape(base, shape)}`,
    `  taught by ${options.target.model} on ${sourcesOf(options).join(", ")}`,
    // Blocks learn the text that they read: a cut that had read chats alone drafted files badly (docs/record/log.md).
    ...(options.questions === "code" && options.texts.length === 0 ? [NO_FILES] : []),
  ];
}

const count = (value: number): string => Math.round(value).toLocaleString("en");

/** What was found in the folder of a project. */
export const takenInWords = ({ name, positions, files }: TakenProject): string =>
  `take: ${name}: ${count(positions)} tokens of ${count(files)} files`;

/** The texts in words. */
export function sourcesOf({ prompts, questions, self, texts }: DraftOptions): string[] {
  const names = (files: readonly string[]) => files.map((file) => path.basename(path.resolve(file))).join(", ");
  return [
    ...(prompts.length > 0 ? [`its answers to ${names(prompts)}`] : []),
    ...(questions === "general" ? ["its answers to questions of many kinds"] : []),
    ...(questions === "code" ? ["its answers to questions about code"] : []),
    ...(self ? ["its answers to questions of its own"] : []),
    ...(texts.length > 0 ? [names(texts)] : []),
  ];
}

const CHOSEN: Record<DraftPlan["choice"], string> = {
  all: "no block to choose",
  named: "the named blocks",
  acceptance: "blocks by agreement with the target",
  influence: "blocks by one pass that ranks them, because agreement would take longer",
};

/** What is done to the base. */
export const cutInWords = ({ config }: Base, { choice, shape }: Pick<DraftPlan, "choice" | "shape">): string =>
  [
    CHOSEN[choice],
    ...(shape.heads < config.heads ? ["heads of queries by what is lost without each"] : []),
    ...(shape.mlp < config.feedForward ? ["MLP channels by the size of their output"] : []),
    "least squares",
    "each block learns to give what it gave, if time allows",
  ].join("; ");

/** How the blocks come to their format. */
export const roundedInWords = ({ shape }: Pick<DraftPlan, "shape">): string =>
  `GPTQ and coordinate descent in ${shape.format}, by what errors cost at the end of the model`;

/** The machine, and the time of each part. */
export function describePlan(
  machine: Machine,
  { schedule, choice, shape }: DraftPlan,
  { base, targetWeights }: Pick<Making, "base" | "targetWeights">,
  given: number,
): string[] {
  const { write, judge, choose, cut, adapt, round, teach, rest } = schedule;
  const tokens = write * writtenPerMinute(machine, targetWeights);
  const weights = weightsOf(draftConfig(base.config, shape));
  const taught = (part: number, passes: number) =>
    `about ${count(part * taughtPerMinute(machine, weights, passes))} positions`;
  return [
    `on ${machine.name} (${machine.device}), ${(machine.rate / 1e9).toFixed(0)} billion multiply-adds a second:`,
    ...(write > 0 ? [`  ${minutes(write)} writing about ${count(tokens)} tokens`] : []),
    ...(given > 0 ? [`  ${minutes(judge)} judging the given text, ${count(given)} tokens in all`] : []),
    `  ${minutes(choose + cut)} cutting: ${cutInWords(base, { choice, shape })}`,
    `  ${minutes(adapt)} teaching adapters, ${taught(adapt, PASSES.judged)}`,
    `  ${minutes(round)} rounding: ${roundedInWords({ shape })}`,
    `  ${minutes(teach)} teaching the rounded draft what it says in floats, ${taught(teach, PASSES.byTeacher)}`,
    `  ${minutes(rest)} loading, squeezing, evaluating`,
    `  ${minutes(total(schedule))} in all. Ctrl-C stops it; the same command goes on`,
  ];
}
