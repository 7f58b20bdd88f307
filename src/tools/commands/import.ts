/** `outrider import`: a checkpoint of somebody else's as a pack. */

import { modelId } from "../../core/model/model-id.ts";
import { importFile } from "../compress/import-file.ts";
import { command } from "./command.ts";
import { printPack } from "./made.ts";
import { one } from "./options.ts";

export const importCommand = command({
  examples: [
    ["outrider import SmolLM2-360M-Instruct.Q4_1.gguf smollm2-360m", "makes a pack in the folder smollm2-360m"],
    [
      "outrider import Qwen2.5-Coder-0.5B-Instruct qwen",
      "a Hugging Face folder, in one safetensors file or in several",
    ],
  ],
  positionals: {
    file: one("CHECKPOINT", "a GGUF file or a Hugging Face folder: Llama, Mistral, Qwen2, Qwen3"),
    directory: one("DIRECTORY", "where the pack goes; a pack that is there is replaced"),
  },
  notes: `Clients call the model by the name of its file. Q4_0, Q4_1, Q5_0 and Q8_0 weights keep their values, others are rounded to 8 bits. Memory holds the largest
tensor, not the model.`,
  async run({ file, directory }) {
    printPack(directory, await importFile(file, modelId(file), directory));
  },
});
