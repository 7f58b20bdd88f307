/**
 * The smallest draft of SmolLM2-135M-Instruct: eight narrow blocks in four bits.
 * It starts from a checkpoint that models/distil taught, so it is run as
 *
 *   outrider squeeze models/smollm2-135m-draft-s/recipe.ts --model TAUGHT --target target-pack \
 *     --calibration TEXT.jsonl --samples 1 --out DIRECTORY
 *
 * README.md has the training runs that made the checkpoint.
 */
import { TUNED, taught } from "../distil/recipe.ts";

export default taught("smollm2-135m-draft-s", 10240, "lut4", { ...TUNED, copyWeight: 1.5 });
