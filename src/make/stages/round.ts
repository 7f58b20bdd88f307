/**
 * The stage that rounds the blocks to the format of the draft's pack, by GPTQ. All weights of a block, rounded, then
 * learn to give what it gave in floats.
 */
import path from "node:path";
import { blockWeights, roundReadings } from "../cutting.ts";
import type { Finished } from "../journal.ts";
import type { Merged } from "../merge.ts";
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
  const learning = minutes - roundingMinutes(machine, blockWeights(base, shape));
  const reads = roundReadings(base, shape, blockProducts(machine, learning), merged.found.positions);
  const { key } = await journal.stage<null>({
    name: "round",
    inputs: [merged.key, from.key, shape.format, reads, options.seed],
    makes: [folder],
    async work(spent) {
      await runBlocks(making, "round", merged.found, reads, { minutes, spent }, [
        ...["--model", from.checkpoint, "--out", folder, "--channels", `${shape.mlp}`, "--quantise", shape.format],
      ]);
      return null;
    },
  });
  return { key, checkpoint: folder };
}
