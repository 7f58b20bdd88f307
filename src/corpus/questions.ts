/** What the target is asked: questions of a file, or its own. */
import path from "node:path";
import * as z from "zod";
import { OutriderError } from "../model/errors.ts";
import { isLines, readTextFile } from "../text/text-file.ts";
import type { Author } from "./author.ts";
import { inOrder } from "./in-order.ts";
import { turnSeed } from "./line.ts";
import type { Target } from "./target.ts";

export interface Question {
  /** What the user says, one after the other's answer. */
  readonly turns: readonly string[];
  /** Where it stands in its file, or which of the target's own it is; from 0 on. */
  readonly n: number;
  /** The seed with which the target wrote it. */
  readonly turnSeed?: number;
}

const turns = z.array(z.string().min(1)).min(1);
const lineSchema = z.union([
  z.object({ turns }).transform((line) => line.turns),
  z.object({ prompt: z.string().min(1) }).transform((line) => [line.prompt]),
]);

/**
 * Lines of a file: of text, each a question; or of JSON (.jsonl, .gz too), `{"turns": [text, …]}` as Spec-Bench has
 * them, or `{"prompt": text}`. Throws `bad_prompts` naming the line, `context_full` for one that leaves no room for an
 * answer.
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

/** Tokens of a question of the target's own at most: those that are longer ramble, and are left out. */
const TURN_TOKENS = 256;

/** What became of the questions that the target asked itself. */
export interface Dropped {
  empty: number;
  unfinished: number;
}

/**
 * The first `count` questions that the target asks itself: what it puts where the user speaks, at temperature 1, up to
 * the end of the turn (Magpie: Xu et al. 2024, arXiv 2406.08464). Those that `skip` says are answered already are not
 * drawn again.
 */
export async function* ownQuestions(
  author: Author,
  target: Target,
  seed: number,
  count: number,
  skip: (turnSeed: number) => boolean,
  dropped: Dropped,
): AsyncGenerator<Question> {
  const prompt = target.userHeader;
  const maxTokens = Math.min(TURN_TOKENS, Math.floor(target.room(prompt, "the user's header") / 2));
  const wanted = (function* () {
    for (let n = 0; n < count; n++) {
      const own = turnSeed(seed, n);
      if (!skip(own)) yield { n, own };
    }
  })();
  const drawn = inOrder(wanted, 2 * author.atOnce, async ({ n, own }) => ({
    n,
    own,
    said: await author.write({ prompt, messages: undefined, temperature: 1, seed: own, maxTokens }),
  }));
  for await (const { n, own, said } of drawn) {
    const text = target.decode(said).trim();
    if (!target.ended(said)) dropped.unfinished++;
    else if (text === "") dropped.empty++;
    else yield { turns: [text], n, turnSeed: own };
  }
}
