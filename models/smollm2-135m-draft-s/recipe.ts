/** The smallest draft of SmolLM2-135M-Instruct: four narrow blocks in four bits. Taught with 10,240 tokens; the rarest are left out, for ten megabytes in all. README.md has the steps. */
import { taught } from "../distil/recipe.ts";

export default taught("smollm2-135m-draft-s", 9888);
