/** Questions to the target: from a file, or its own. */
import { readQuestionFile } from "../text/question-file.ts";
import type { Author } from "./author.ts";
import { inOrder } from "./in-order.ts";
import { turnSeed } from "./line.ts";
import type { Target } from "./target.ts";

export interface Question {
  /** The user's turns, one after each answer. */
  readonly turns: readonly string[];
  /** Its number in the file, or among the target's own questions; from 0 on. */
  readonly n: number;
  /** The seed with which the target wrote the question. */
  readonly turnSeed?: number;
}

/**
 * Questions of a file. Throws as `readQuestionFile` does, and `context_full` for a question that leaves no room for an
 * answer.
 */
export async function readQuestions(file: string, target: Target): Promise<Question[]> {
  return (await readQuestionFile(file)).map(({ turns, where }, n) => {
    target.room(target.prompt([{ role: "user", content: turns[0]! }]), where);
    return { turns, n };
  });
}

/** The target's own questions have at most so many tokens; longer ones ramble and are left out. */
const TURN_TOKENS = 256;

/** How many of the target's own questions were left out, and why. */
export interface Dropped {
  empty: number;
  unfinished: number;
}

/**
 * The first `count` questions that the target asks itself: its continuation of an empty user turn at temperature 1, up
 * to the end of the turn (Magpie: Xu et al. 2024, arXiv 2406.08464). Questions for which `skip` is true already have an
 * answer and are not drawn again.
 */
export async function* ownQuestions(
  author: Author,
  target: Target,
  count: number,
  skip: (turnSeed: number) => boolean,
  dropped: Dropped,
): AsyncGenerator<Question> {
  const prompt = target.userHeader;
  const maxTokens = Math.min(TURN_TOKENS, Math.floor(target.room(prompt, "the user's header") / 2));
  const wanted = (function* () {
    for (let n = 0; n < count; n++) {
      const own = turnSeed(n);
      if (!skip(own)) yield { n, own };
    }
  })();
  const drawn = inOrder(wanted, 2 * author.atOnce, async ({ n, own }) => ({
    n,
    own,
    written: await author.write({ prompt, messages: undefined, temperature: 1, seed: own, maxTokens }),
  }));
  for await (const { n, own, written } of drawn) {
    const text = target.decode(written).trim();
    if (!target.ended(written)) dropped.unfinished++;
    else if (text === "") dropped.empty++;
    else yield { turns: [text], n, turnSeed: own };
  }
}
