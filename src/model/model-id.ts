/** What a model is called that comes as a file, where nobody says it. */
/**
 * How the weights are stored is no part of a model's name, so a draft made from any of its files is a draft for the
 * model.
 */
const STORED_AS = /[.-](?:i?q\d\w*|bf16|f16|f32)$/;

/** Id of the model in a GGUF file: `SmolLM2-135M-Instruct.Q4_1.gguf` holds `smollm2-135m-instruct`. */
export const modelId = (file: string): string =>
  (/([^/\\]*?)(?:\.[^./\\]*)?$/.exec(file)?.[1] ?? "").toLowerCase().replace(STORED_AS, "");
