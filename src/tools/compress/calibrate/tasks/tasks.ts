/** All kinds of tasks that the threads of a pool run. */
import { type BackwardTask, backwardWork } from "./backward.ts";
import { type CaptureTask, captureWork } from "./capture.ts";
import { type ForwardTask, forwardWork } from "./forward.ts";
import { type GramTask, gramWork } from "./gram.ts";
import { type HeadTask, headWork } from "./head.ts";
import { type HeadBackwardTask, headBackwardWork } from "./head-backward.ts";
import { type MomentsTask, momentsWork } from "./moments.ts";
import { type RoundTask, roundWork } from "./round.ts";
import { type WeightGradientTask, weightGradientWork } from "./weight-gradient.ts";
import type { Thread, Work } from "./work.ts";

export type Task =
  | ForwardTask
  | CaptureTask
  | GramTask
  | MomentsTask
  | HeadTask
  | HeadBackwardTask
  | BackwardTask
  | RoundTask
  | WeightGradientTask;

const WORK: { readonly [K in Task["kind"]]: Work<Extract<Task, { kind: K }>> } = {
  forward: forwardWork,
  capture: captureWork,
  gram: gramWork,
  moments: momentsWork,
  head: headWork,
  "head-backward": headBackwardWork,
  backward: backwardWork,
  round: roundWork,
  "weight-gradient": weightGradientWork,
};

const workOf = (task: Task): Work<Task> => WORK[task.kind] as Work<Task>;

export const scratchBytes = (task: Task, gemmWorkBytes: number): number =>
  workOf(task).scratchBytes(task, gemmWorkBytes);

export const runPart = (thread: Thread, task: Task, part: number): void => workOf(task).run(thread, task, part);
