/** An answer that must have a form is looked at once more before it ends, by other means than those that wrote it. */
import { OutriderError } from "../../core/model/errors.ts";
import { AnswerBuffer, type Piece } from "../api/openai/stream.ts";
import type { AnswerContent } from "../prompt/answer-content.ts";
import type { Tally } from "./answer.ts";

/**
 * The same pieces. Throws `malformed_answer` (502) instead of the end where an answer that came to its own end has not
 * the form; one that was cut off, by its length or by a stop string, need not have it.
 * @param faultOf what is wrong with an answer, in words; null where nothing is
 */
export async function* checked(
  pieces: AsyncGenerator<Piece, Tally>,
  faultOf: (content: AnswerContent) => string | null,
  isCut: () => boolean,
): AsyncGenerator<Piece, Tally> {
  const buffer = new AnswerBuffer();
  try {
    for (;;) {
      const { done, value } = await pieces.next();
      if (done) {
        const fault = value.finish !== "length" && !isCut() ? faultOf(buffer.content) : null;
        if (fault !== null) throw malformed(fault);
        return value;
      }
      buffer.push(value);
      yield value;
    }
  } finally {
    await pieces.return(undefined as never);
  }
}

const malformed = (fault: string) =>
  new OutriderError("malformed_answer", `the answer has not the form that was asked for: ${fault}; report this`, {
    status: 502,
  });
