/** The default draft of SmolLM2-135M-Instruct: sixteen narrow blocks in four bits. README.md has the steps. */
import { taught } from "../distil/recipe.ts";

export default taught("smollm2-135m-draft-m", 16384);
