/**
 * Text that a target wrote, answer by answer. Agreement with a target is measured on it. Unlike windows, each answer is
 * a context of its own.
 */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import { GREEDY, type Sampling } from "../../core/speculate/types.ts";
import { badLine, isLines, readLines, type Text } from "./text-file.ts";

/** A prompt and the target's answer to it, in token ids. */
export interface TargetAnswer {
  /** At least one token. */
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  /** How it was drawn; absent where it is greedy, or nothing says with which seed. */
  readonly sampling?: Sampling;
  /** What kind of question it answers, where answers lie in a file a kind. */
  readonly kind?: string;
}

/** Longer prompts and answers are left out of a sample, so that the time of a pass is spent on many prompts. */
const LONGEST = 256;
/** Answer tokens of a sample: enough to know a share of them to about a hundredth. */
const POSITIONS = 2000;

/**
 * The first `count` answers of a .jsonl file that have tokens, or all if there are fewer. Of a folder, the same of each
 * such file in it, whose name is the kind: `edit.jsonl` and `answers-edit.jsonl` hold edits. Throws `bad_text` for
 * another file.
 */
export async function readAnswers(file: string, count: number): Promise<TargetAnswer[]> {
  if (!(await stat(file).catch(() => null))?.isDirectory()) return readFile(file, count);
  const names = (await readdir(file)).filter(isLines).sort();
  if (names.length === 0)
    throw new OutriderError("bad_text", `${path.basename(file)}: no .jsonl file is in the folder`);
  const kinds = names.map(async (name) => {
    const kind = path.basename(name).replace(/^answers-|\.jsonl(\.gz)?$/g, "");
    return (await readFile(path.join(file, name), count)).map((answer) => ({ ...answer, kind }));
  });
  return (await Promise.all(kinds)).flat();
}

async function readFile(file: string, count: number): Promise<TargetAnswer[]> {
  if (!isLines(file)) {
    throw new OutriderError(
      "bad_text",
      `${path.basename(file)}: answers are lines of JSON, in a .jsonl or .jsonl.gz file`,
    );
  }
  const lines = await readLines(file);
  const all = lines.map(({ prompt = [], answer, ...drawn }, n) => {
    if (!answer) throw badLine(file, n, 'no "answer"; each line is {"prompt": ids, "answer": ids}');
    if (prompt.length === 0) throw badLine(file, n, 'no "prompt"; a draft predicts an answer from its prompt');
    return { prompt, answer, ...samplingOf(drawn) };
  });
  const answers = all.filter(({ answer }) => answer.length > 0).slice(0, count);
  if (answers.length === 0) throw new OutriderError("text_too_short", `${path.basename(file)} has no answers`);
  return answers;
}

/** As `outrider corpus` writes of an answer; other programs draw with other noise and name no seed. */
function samplingOf({ temperature = 0, seed, ...filters }: Partial<Sampling>): Pick<TargetAnswer, "sampling"> {
  if (temperature <= 0 || seed === undefined) return {};
  const { topK, topP, minP } = { ...GREEDY, ...filters };
  return { sampling: { temperature, topK, topP, minP, seed } };
}

/**
 * A small sample to measure many times: answers spread evenly over the lines of a text until they have POSITIONS
 * tokens. Plain text has none.
 */
export function sampleAnswers({ lines = [] }: Text): TargetAnswer[] {
  const usable = lines.flatMap(({ prompt = [], answer = [] }) =>
    prompt.length > 0 && answer.length > 0 && prompt.length + answer.length <= LONGEST ? [{ prompt, answer }] : [],
  );
  const all = usable.reduce((sum, { answer }) => sum + answer.length, 0);
  const stride = Math.max(1, Math.floor(all / POSITIONS));
  const chosen: TargetAnswer[] = [];
  let left = POSITIONS;
  for (let n = 0; n < usable.length && left > 0; n += stride) {
    chosen.push(usable[n]!);
    left -= usable[n]!.answer.length;
  }
  return chosen;
}
