/**
 * How much a question about tokens may ask for. Nobody needs to know of a text more than that it is far too long, so
 * what cannot be within the limit is refused before a tokenizer sees it.
 */
import type { EdgeModel, TargetDescription } from "../../../core/format/edge-model.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { holdsMore } from "../../prompt/length.ts";
import type { TokenQuestion } from "./question.ts";

/** Enough to see how much of a text has to go. */
const CONTEXTS = 4;

/** Tokens of one question at most. */
export const mostTokens = ({ context }: Pick<TargetDescription, "context">): number => CONTEXTS * context;

/** Throws `context_length_exceeded` where a sum over the characters, or the number of ids, says that it is too much. */
export function checkQuestion(question: TokenQuestion, model: EdgeModel): void {
  const most = mostTokens(model);
  const over = question.kind === "detokenize" ? question.ids.length > most : holdsMore(textsOf(question), most, model);
  if (over) throw tooMuch(question, model);
}

const textsOf = (question: Exclude<TokenQuestion, { kind: "detokenize" }>): readonly string[] =>
  question.kind === "tokenize" ? [question.of] : question.messages.map(({ content }) => content);

/** What to throw for it. */
export function tooMuch(question: TokenQuestion, model: Pick<TargetDescription, "context">): OutriderError {
  const param = question.kind === "tokenize" ? question.param : question.kind === "detokenize" ? "tokens" : "messages";
  const message =
    `${param}: more than ${mostTokens(model)} tokens, the limit, which is ${CONTEXTS} times the model's context; ` +
    "send it in parts";
  return new OutriderError("context_length_exceeded", message, { param });
}
