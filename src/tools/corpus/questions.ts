/** Questions to the target: from a file, or its own. */
import path from "node:path";
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";
import { isLines, readTextFile } from "../text/text-file.ts";
import { inOrder } from "./in-order.ts";
import { turnSeed } from "./line.ts";
import type { Target } from "./target.ts";
import type { Threads } from "./threads.ts";

export interface Question {
  /** The user's turns, one after each answer. */
  readonly turns: readonly string[];
  /** Its number in the file, or among the target's own questions; from 0 on. */
  readonly n: number;
  /** The seed with which the target wrote the question. */
  readonly turnSeed?: number;
}

const turns = z.array(z.string().min(1)).min(1);
const lineSchema = z.union([
  z.object({ turns }).transform((line) => line.turns),
  z.object({ prompt: z.string().min(1) }).transform((line) => [line.prompt]),
]);

/**
 * Questions of a file. Each line of a text file is one; lines of JSON (.jsonl, also .gz) are `{"turns": [text, …]}`, as
 * in Spec-Bench, or `{"prompt": text}`. Throws `bad_prompts` naming the line, and `context_full` for a question that
 * leaves no room for an answer.
 */
export async function readQuestions(file: string, target: Target): Promise<Question[]> {
  const lines = (await readTextFile(file)).split("\n").map((line) => line.trim());
  const questions = lines.flatMap((line, n): Question[] => {
    if (line === "") return [];
    const where = `${path.basename(file)}, line ${n + 1}`;
    const turns = isLines(file) ? readTurns(line, where) : [line];
    target.room(target.prompt([{ role: "user", content: turns[0]! }]), where);
    return [{ turns, n }];
  });
  if (questions.length === 0)
    throw new OutriderError("bad_prompts", `${path.basename(file)}: there is no question in it`);
  return questions.map(({ turns }, n) => ({ turns, n }));
}

function readTurns(line: string, where: string): string[] {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new OutriderError("bad_prompts", `${where}: it is not JSON; a file of plain questions is called NAME.txt`);
  }
  const { success, data } = lineSchema.safeParse(json);
  if (success) return data;
  throw new OutriderError("bad_prompts", `${where}: neither {"turns": [text, …]} nor {"prompt": text}`);
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
  threads: Threads,
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
  const drawn = inOrder(wanted, 2 * threads.atOnce, async ({ n, own }) => ({
    n,
    own,
    written: await threads.write({ prompt, temperature: 1, seed: own, maxTokens }),
  }));
  for await (const { n, own, written } of drawn) {
    const text = target.decode(written).trim();
    if (!target.ended(written)) dropped.unfinished++;
    else if (text === "") dropped.empty++;
    else yield { turns: [text], n, turnSeed: own };
  }
}
