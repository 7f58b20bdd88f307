/** What the user is told before it begins. */
import path from "node:path";
import { describeShape } from "./budget.ts";
import type { Machine } from "./machine.ts";
import type { DraftOptions } from "./options.ts";
import type { DraftPlan } from "./plan.ts";
import { minutes, taughtPerMinute, total, writtenPerMinute } from "./schedule.ts";
import { type Base, type DraftShape, draftBytes, draftConfig, isNarrowed, weightsOf } from "./shape.ts";
import type { Making } from "./stages/stage.ts";

/** The draft and where it comes from. */
export function describeWork(options: DraftOptions, base: Base, shape: DraftShape): string[] {
  const from = options.baseFile === options.targetFile ? "the target" : path.basename(options.baseFile);
  const size = (draftBytes(base, shape) / 1e6).toFixed(1);
  return [
    `${options.model}: a draft of ${size} MB for ${options.target.model}, in ${options.out}`,
    `  cut from ${from}: ${describeShape(base, shape)}`,
    `  taught by ${options.target.model} on ${sourcesOf(options).join(", ")}`,
  ];
}

/** The texts in words. */
export function sourcesOf({ prompts, questions, self, texts }: DraftOptions): string[] {
  const names = (files: readonly string[]) => files.map((file) => path.basename(file)).join(", ");
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
export const cutInWords = (base: Base, { choice, shape }: Pick<DraftPlan, "choice" | "shape">): string =>
  [
    CHOSEN[choice],
    ...(isNarrowed(base, shape) ? ["MLP channels by the size of their output"] : []),
    "least squares",
    `each block taught in ${shape.format} to give what the whole model gives`,
  ].join("; ");

/** The machine, and the time of each part. */
export function describePlan(
  machine: Machine,
  { schedule, choice, shape }: DraftPlan,
  { base, targetWeights }: Pick<Making, "base" | "targetWeights">,
  given: number,
): string[] {
  const { write, judge, choose, cut, teach, rest } = schedule;
  const count = (value: number) => Math.round(value).toLocaleString("en");
  const tokens = write * writtenPerMinute(machine, targetWeights);
  const positions = teach * taughtPerMinute(machine, weightsOf(draftConfig(base.config, shape)));
  return [
    `on ${machine.name} (${machine.device}), ${(machine.rate / 1e9).toFixed(0)} billion multiply-adds a second:`,
    ...(write > 0 ? [`  ${minutes(write)} writing about ${count(tokens)} tokens`] : []),
    ...(given > 0 ? [`  ${minutes(judge)} judging the given text, ${count(given)} tokens in all`] : []),
    `  ${minutes(choose + cut)} cutting: ${cutInWords(base, { choice, shape })}`,
    `  ${minutes(teach)} teaching, about ${count(positions)} positions`,
    `  ${minutes(rest)} loading, squeezing, evaluating`,
    `  ${minutes(total(schedule))} in all. Ctrl-C stops it; the same command goes on`,
  ];
}
