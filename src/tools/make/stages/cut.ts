/**
 * The stage that cuts the base to the draft's shape, in floats: least squares make up for the heads and the channels
 * that a block loses, and then all its weights learn to.
 */

import path from "node:path";
import { cutReadings } from "../cutting.ts";
import type { Finished } from "../journal.ts";
import type { Merged } from "../merge.ts";
import { SEED } from "../options.ts";
import { blockProducts } from "../schedule.ts";
import type { DraftShape } from "../shape.ts";
import { runBlocks } from "./blocks.ts";
import { type Making, type Student, workFile } from "./stage.ts";

/** @param minutes for all blocks together */
export async function cutStage(
  making: Making,
  shape: DraftShape,
  minutes: number,
  merged: Finished<Merged>,
  base: Finished<string>,
  blocks: Finished<readonly number[]>,
): Promise<Student> {
  const { journal, machine, options } = making;
  const folder = path.resolve(workFile(options.out, "cut"));
  const reads = cutReadings(making.base, shape, blockProducts(machine, minutes), merged.found.positions);
  const { key } = await journal.stage<null>({
    name: "cut",
    inputs: [merged.key, base.key, blocks.found, shape.heads, shape.mlp, reads, SEED],
    makes: [folder],
    async work(spent) {
      await runBlocks(making, "cut", merged.found, reads, { minutes, spent }, [
        ...["--model", base.found, "--out", folder],
        ...["--blocks", blocks.found.join(","), "--heads", `${shape.heads}`, "--channels", `${shape.mlp}`],
        ...(making.base.config.tied ? ["--tie"] : []),
      ]);
      return null;
    },
  });
  return { key, checkpoint: folder };
}
