/** An answer that must have a form is looked at once more before it ends, by other means than those that wrote it. */
import { faultOf } from "../grammar/check.ts";
import type { ConstraintSource } from "../grammar/source.ts";
import { OutriderError } from "../model/errors.ts";
import type { Tally } from "./answer.ts";
import type { Piece } from "./stream.ts";

/**
 * The same pieces. Throws `malformed_answer` (502) instead of the end where an answer that came to its own end has not
 * the form; one that was cut off, by its length or by a stop string, need not have it.
 */
export async function* checked(
  pieces: AsyncGenerator<Piece, Tally>,
  source: ConstraintSource,
  isCut: () => boolean,
): AsyncGenerator<Piece, Tally> {
  let text = "";
  try {
    for (;;) {
      const { done, value } = await pieces.next();
      if (done) {
        const fault = value.finish === "stop" && !isCut() ? faultOf(source, text) : null;
        if (fault !== null) throw malformed(fault);
        return value;
      }
      text += value.text;
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
