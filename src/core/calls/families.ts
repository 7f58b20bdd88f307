/** The families by their chat templates. A new one is a file here and a row. */
import { DESCRIBED } from "./described.ts";
import type { Family } from "./family.ts";
import { LLAMA } from "./llama.ts";
import { MISTRAL } from "./mistral.ts";
import { QWEN } from "./qwen.ts";

const FAMILIES: readonly Family[] = [QWEN, LLAMA, MISTRAL];

/** The family of a template that knows tools, or else the way in which any model can be told of them. */
export const familyOf = (template: string): Family =>
  (template.includes("tools") && FAMILIES.find((family) => family.writes(template))) || DESCRIBED;
