/**
 * The stage that rounds the blocks to the format of the draft's pack, by GPTQ and coordinate descent
 * (models/distil/outrider_distil/rounding.py). Blocks do not learn behind it: in q2had learning brought nothing behind
 * GPTQ (docs/record/log.md, 2026-11-29), and it knows the stream alone, not what errors cost at the end of the model.
 */

import path from "node:path";
import { blockWeights, roundPositions } from "../cutting.ts";
import type { Finished } from "../journal.ts";
import type { Merged } from "../merge.ts";
import { SEED } from "../options.ts";
import { blockProducts, roundingMinutes } from "../schedule.ts";
import type { DraftShape } from "../shape.ts";
import { runBlocks } from "./blocks.ts";
import { type Making, type Student, workFile } from "./stage.ts";

/** @param minutes for all blocks together */
export async function roundStage(
  making: Making,
  shape: DraftShape,
  minutes: number,
  merged: Finished<Merged>,
  from: Student,
): Promise<Student> {
  const { base, journal, machine, options } = making;
  const folder = path.resolve(workFile(options.out, "round"));
  const reading = minutes - roundingMinutes(machine, blockWeights(base, shape));
  const positions = roundPositions(base, shape, blockProducts(machine, reading), merged.found.positions);
  const { key } = await journal.stage<null>({
    name: "round",
    inputs: [merged.key, from.key, shape.format, positions, SEED],
    makes: [folder],
    async work(spent) {
      const reads = { positions, times: 0, solved: positions };
      await runBlocks(making, "round", merged.found, reads, { minutes, spent }, [
        ...["--model", from.checkpoint, "--out", folder, "--channels", `${shape.mlp}`, "--quantise", shape.format],
      ]);
      return null;
    },
  });
  return { key, checkpoint: folder };
}
