/** The largest draft of SmolLM2-135M-Instruct: all thirty blocks, half as wide inside, in four bits. README.md has the steps. */
import { taught } from "../distil/recipe.ts";

export default taught("smollm2-135m-draft-l", 16384);
