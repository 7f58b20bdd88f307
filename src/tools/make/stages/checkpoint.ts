/** The stages that have the target, and the model that the draft is cut from, as checkpoints that PyTorch reads. */
import { existsSync } from "node:fs";
import path from "node:path";
import { directorySink } from "../../../core/platform/disk.ts";
import { readModel } from "../../../core/platform/read-model.ts";
import { exportHuggingFace } from "../../compress/export-hf.ts";
import type { Finished } from "../journal.ts";
import { type Making, workFile } from "./stage.ts";

/** A model of more weights is written in bf16: its text and predictions stay all but the same. */
const F32_WEIGHTS = 4e8;

/**
 * Finds the folder of the checkpoint of a model. A Hugging Face folder is one already.
 * @param weights of the model
 * @param identity of its file
 */
export function checkpointStage(
  { journal, options: { out } }: Making,
  name: "target" | "base",
  file: string,
  weights: number,
  identity: unknown,
): Promise<Finished<string>> {
  const isCheckpoint = existsSync(path.join(file, "config.json")) && !existsSync(path.join(file, "pack.json"));
  const made = workFile(out, name);
  return journal.stage({
    name,
    inputs: [identity],
    makes: [made],
    async work() {
      if (isCheckpoint) return path.resolve(file);
      await exportHuggingFace(await readModel(file), directorySink(made), weights <= F32_WEIGHTS ? "F32" : "BF16");
      return made;
    },
  });
}
