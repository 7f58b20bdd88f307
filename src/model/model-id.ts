/**
 * The part of a file name that names the weight format. It is no part of the model's name, so a draft for the model is
 * a draft for each of its files.
 */
const STORED_AS = /[.-](?:i?q\d\w*|bf16|f16|f32)$/;

/** Id of the model in a GGUF file: `SmolLM2-135M-Instruct.Q4_1.gguf` holds `smollm2-135m-instruct`. */
export const modelId = (file: string): string =>
  (/([^/\\]*?)(?:\.[^./\\]*)?$/.exec(file)?.[1] ?? "").toLowerCase().replace(STORED_AS, "");
