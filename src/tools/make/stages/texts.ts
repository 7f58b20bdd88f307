/** The stages that take the user's texts, have the target judge them, and put all text together. */

import { writeFile } from "node:fs/promises";
import { openTokenizer } from "../../../core/model/tokenizer.ts";
import type { Snippet } from "../../questions/snippets.ts";
import { asLines } from "../../text/text-file.ts";
import { plainBatch } from "../batches.ts";
import { codeWords } from "../code-words.ts";
import type { Finished } from "../journal.ts";
import { takeText, taughtFile } from "../material.ts";
import { type Merged, mergeTexts } from "../merge.ts";
import { SEED } from "../options.ts";
import { isProject, takeProject } from "../project.ts";
import { takenInWords } from "../say.ts";
import { projectPositions } from "../schedule.ts";
import { type Making, runProgram, workFile } from "./stage.ts";

export interface TakenText {
  readonly file: string;
  readonly positions: number;
  readonly judged: boolean;
}

/** Functions and classes of the user's projects. */
export const snippetsFile = (out: string): string => workFile(out, "snippets.jsonl");

/** Finds the user's texts, and the code of their projects, as corpora in the draft's folder. */
export function takeStage(making: Making, texts: readonly string[]) {
  const { journal, options, machine, targetWeights, say } = making;
  const { out, target } = options;
  const files = options.texts.map((_, n) => workFile(out, `given-${n}.jsonl`));
  const projects = options.texts.filter(isProject);
  // Each has as many positions, because nothing says which one matters more.
  const most = Math.floor(projectPositions(machine, targetWeights, options.hours) / projects.length);
  return journal.stage<TakenText[]>({
    name: "take",
    inputs: [target.vocabulary.hash, texts, ...(projects.length > 0 ? [most, SEED] : [])],
    makes: [...files.flatMap((file) => [file, taughtFile(file)]), snippetsFile(out)],
    async work() {
      const tokenizer = openTokenizer(target.tokenizer["tokenizer.json"]);
      const taken: TakenText[] = [];
      const snippets: Snippet[] = [];
      for (const [n, from] of options.texts.entries()) {
        const file = files[n]!;
        if (isProject(from)) {
          const words = codeWords(tokenizer, target.tokenizer["tokenizer_config.json"], target.stopIds);
          const project = await takeProject(from, file, most, words, SEED);
          taken.push({ file, positions: project.positions, judged: false });
          snippets.push(...project.snippets);
          say(takenInWords(project));
        } else taken.push({ file, ...(await takeText(from, file, tokenizer, target.vocabulary.size)) });
      }
      if (projects.length > 0) await writeFile(snippetsFile(out), asLines(snippets));
      return taken;
    },
  });
}

/** The target's predictions of the texts that have none; those that it wrote have them already. */
export function judgeStage(making: Making, teacher: Finished<string>, taken: Finished<TakenText[]>) {
  const files = taken.found.map(({ file }) => file);
  const { machine } = making;
  return making.journal.stage<null>({
    name: "judge",
    inputs: [teacher.key, taken.key],
    makes: [],
    async work() {
      if (files.length > 0)
        await runProgram(making, "judge", "teach", [
          ...["--teacher", teacher.found, ...(machine.bf16 ? ["--bf16"] : [])],
          ...["--tokens", `${plainBatch(machine)}`, "--text", ...files],
        ]);
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
