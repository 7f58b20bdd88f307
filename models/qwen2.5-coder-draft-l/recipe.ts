/**
 * The larger draft of Qwen2.5-Coder-1.5B-Instruct: all 24 blocks of the 0.5B, 2,048 of their 4,864 channels, in two
 * bits and three.
 * It starts from a checkpoint that models/distil taught, so it is run as
 *
 *   outrider squeeze models/qwen2.5-coder-draft-l/recipe.ts --model TAUGHT --target qwen2.5-coder-1.5b \
 *     --calibration TEXT.jsonl --samples 1 --out DIRECTORY
 *
 * README.md has the runs that made the checkpoint.
 */
import { BY_KL } from "../../src/tools/make/pack-recipe.ts";
import { taught } from "../distil/recipe.ts";

export default taught("qwen2.5-coder-draft-l", 24576, "q2add+q3add", { ...BY_KL, keeping: "near:768" });
