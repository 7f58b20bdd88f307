/** The stage that measures the draft on answers that nothing was measured on or taught with before. */
import { evaluate } from "../../evaluate/evaluate.ts";
import type { Figures } from "../../evaluate/figures.ts";
import type { Finished } from "../journal.ts";
import { packFolder } from "./pack.ts";
import type { Making } from "./stage.ts";
import { heldOutFile } from "./texts.ts";

/** Answers at most. */
const ANSWERS = 64;

/** Finds the figures; null where the text was so short that no answer was held out. */
export function evaluateStage(
  { journal, options }: Making,
  pack: Finished<unknown>,
  heldOut: number,
): Promise<Finished<Figures | null>> {
  return journal.stage({
    name: "evaluate",
    inputs: [pack.key, ANSWERS],
    makes: [],
    async work() {
      if (heldOut === 0) return null;
      const answers = { file: heldOutFile(options.out), count: ANSWERS };
      const models = [packFolder(options.out)] as const;
      for await (const figures of evaluate({ models, answers, served: true, speed: false })) return figures;
      return null;
    },
  });
}
