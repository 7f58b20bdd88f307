import { hasControl, spelt } from "./control-characters.ts";
import { OutriderError } from "./errors.ts";

/**
 * The part of a name that says how the weights are stored. It is no part of the model's name, so a draft for the model
 * is a draft for each of its files.
 */
const STORED_AS = /[.-](?:i?q\d\w*|bf16|f16|f32|fp8|int[48]|awq|gptq(?:-int[48])?)$/;

/**
 * Id of the model in a file, a folder or a repository of the hub: `SmolLM2-135M-Instruct.Q4_1.gguf` holds
 * `smollm2-135m-instruct`, and `Qwen/Qwen2.5-Coder-7B-Instruct-AWQ` holds `qwen2.5-coder-7b-instruct`. Throws
 * `bad_model_id` as `checkModelId` does.
 */
export const modelId = (name: string): string =>
  checkModelId((/([^/\\]*?)(?:\.gguf)?[/\\]*$/i.exec(name)?.[1] ?? "").toLowerCase().replace(STORED_AS, ""));

/** Why an id is refused. */
export const CONTROL_IN_ID = "it has control characters, which a terminal or a header would obey; give another name";

/** The id, which is printed, logged and sent. Throws `bad_model_id` for one with control characters. */
export function checkModelId(id: string): string {
  if (!hasControl(id)) return id;
  throw new OutriderError("bad_model_id", `the model's name ${spelt(JSON.stringify(id))}: ${CONTROL_IN_ID}`);
}
