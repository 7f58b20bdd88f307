/** The stages that take the user's texts, have the target judge them, and put all text together. */

import { openTokenizer } from "../../model/tokenizer.ts";
import type { Finished } from "../journal.ts";
import { takeText, taughtFile } from "../material.ts";
import { type Merged, mergeTexts } from "../merge.ts";
import { type Making, runProgram, workFile } from "./stage.ts";

export interface TakenText {
  readonly file: string;
  readonly positions: number;
  readonly judged: boolean;
}

/** Finds the user's texts as corpora in the draft's folder. */
export function takeStage({ journal, options }: Pick<Making, "journal" | "options">, texts: readonly string[]) {
  const { out, target } = options;
  const files = options.texts.map((_, n) => workFile(out, `given-${n}.jsonl`));
  return journal.stage<TakenText[]>({
    name: "take",
    inputs: [target.vocabulary.hash, texts],
    makes: files.flatMap((file) => [file, taughtFile(file)]),
    async work() {
      const tokenizer = openTokenizer(target.tokenizer["tokenizer.json"]);
      const taken: TakenText[] = [];
      for (const [n, from] of options.texts.entries()) {
        const file = files[n]!;
        taken.push({ file, ...(await takeText(from, file, tokenizer, target.vocabulary.size)) });
      }
      return taken;
    },
  });
}

/** The target's predictions of the texts that have none; those that it wrote have them already. */
export function judgeStage(making: Making, teacher: Finished<string>, taken: Finished<TakenText[]>) {
  const files = taken.found.map(({ file }) => file);
  return making.journal.stage<null>({
    name: "judge",
    inputs: [teacher.key, taken.key],
    makes: [],
    async work() {
      if (files.length > 0)
        await runProgram(making, "judge", "teach", ["--teacher", teacher.found, "--text", ...files]);
      return null;
    },
  });
}

/** All text as one corpus, and the answers that are held out. */
export function mergeStage({ journal, options }: Making, files: readonly string[], keys: readonly string[]) {
  const text = workFile(options.out, "text.jsonl");
  const heldOut = heldOutFile(options.out);
  return journal.stage<Merged>({
    name: "merge",
    inputs: keys,
    makes: [text, taughtFile(text), heldOut],
    work: () => mergeTexts(files, text, heldOut),
  });
}

export const heldOutFile = (out: string): string => workFile(out, "held-out.jsonl");
