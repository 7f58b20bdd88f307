/** The stage that has the target as a checkpoint that PyTorch reads. */
import { existsSync } from "node:fs";
import path from "node:path";
import { exportHuggingFace } from "../../compress/export-hf.ts";
import { directorySink } from "../../platform/disk.ts";
import { readModel } from "../../platform/read-model.ts";
import type { Finished } from "../journal.ts";
import { type Making, workFile } from "./stage.ts";

/** A target of more weights is written in bf16: its text and predictions stay all but the same. */
const F32_WEIGHTS = 4e8;

/** Finds the folder of the checkpoint. A Hugging Face folder is one already. */
export function targetStage({ journal, options, targetWeights }: Making, identity: unknown): Promise<Finished<string>> {
  const { targetFile, out } = options;
  const isCheckpoint =
    existsSync(path.join(targetFile, "config.json")) && !existsSync(path.join(targetFile, "pack.json"));
  const made = workFile(out, "target");
  return journal.stage({
    name: "target",
    inputs: [identity],
    makes: [made],
    async work() {
      if (isCheckpoint) return path.resolve(targetFile);
      const model = await readModel(targetFile);
      await exportHuggingFace(model, directorySink(made), targetWeights <= F32_WEIGHTS ? "F32" : "BF16");
      return made;
    },
  });
}
