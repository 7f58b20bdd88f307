/** The families by their chat templates. A new one is a file here and a row. */
import type { Family } from "./family.ts";
import { QWEN } from "./qwen.ts";

const FAMILIES: readonly Family[] = [QWEN];

/** Null for a model whose template knows no tools, or calls them in a way that nobody here reads. */
export const familyOf = (template: string): Family | null =>
  (template.includes("tools") && FAMILIES.find((family) => family.writes(template))) || null;
