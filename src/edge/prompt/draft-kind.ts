/** Who drafts an answer: what the client asks for, as far as the deployment has it. */
import { OutriderError } from "../../core/model/errors.ts";
import type { DraftKind, Generation } from "./generation.ts";

/**
 * Without weights an edge copies from the timeline, unless the client insists on the model.
 * Throws `no_draft_model` (400).
 */
export function draftKind({ kind, max }: Generation["draft"], weights: boolean): DraftKind {
  if (max === 0 || kind === "off") return "off";
  if (weights) return kind ?? "both";
  if (kind !== "model") return "lookup";
  throw new OutriderError(
    "no_draft_model",
    'this deployment has no draft model; use "lookup", or leave outrider.draft out',
    { param: "outrider.draft" },
  );
}
