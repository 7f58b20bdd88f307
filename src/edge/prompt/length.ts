/** Prompts that are far too long, refused by the Worker: a Session's thread is shared by others. */
import type { EdgeModel } from "../../core/format/edge-model.ts";
import { fewestTokens } from "../../core/model/longest-tokens.ts";
import type { Generation } from "./generation.ts";
import { tooLong } from "./prompt.ts";

/** Throws `context_length_exceeded` where a prompt cannot fit by a sum over its characters. The Session counts tokens. */
export function checkLength({ input }: Generation, model: EdgeModel): void {
  const { context } = model;
  if (holdsMore(textsOf(input), context - 1, model)) throw tooLong(input, `more than ${context - 1}`, context);
}

/** Whether texts have more than so many tokens for certain, by a sum over their characters. */
export function holdsMore(
  texts: readonly string[],
  most: number,
  { longestTokens }: Pick<EdgeModel, "longestTokens">,
): boolean {
  const characters = texts.reduce((sum, { length }) => sum + length, 0);
  if (!longestTokens || characters <= most) return false;
  return texts.reduce((sum, text) => sum + fewestTokens(text, longestTokens, most + 1 - sum), 0) > most;
}

/** What a template shows for certain. It may trim messages, and leave out what was said before. */
function textsOf(input: Generation["input"]): readonly string[] {
  if (input.kind === "fill") return [input.prompt, input.suffix, ...input.files.map(({ text }) => text)];
  if (input.kind !== "chat") return typeof input.prompt === "string" ? [input.prompt] : [];
  return input.messages.filter(({ role }) => role === "user").map(({ content }) => content.trim());
}
