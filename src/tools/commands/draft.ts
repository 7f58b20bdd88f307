/** `outrider draft`: from a target to a taught draft, by one command. */
import path from "node:path";
import { makeDraft } from "../make/make.ts";
import type { DraftOptions } from "../make/options.ts";
import { DRAFT_FORMATS, type DraftFormat } from "../make/shape.ts";
import { SUBJECTS } from "../questions/subjects.ts";
import { command } from "./command.ts";
import { fileOf, targetOf } from "./named-model.ts";
import { choice, decimal, flag, option, text, texts, usage, whole } from "./options.ts";

/** A faster one makes any model worse. */
const MOST_RATE = 0.01;

export const draftCommand = command({
  examples: [
    ["outrider draft --target model.gguf --budget 30MB", "everything by default, in the folder model-draft"],
    [
      "outrider draft --target coder.gguf --budget 30MB --questions code --text src",
      "for code: questions about that of your project, and the code itself",
    ],
    [
      "outrider draft --target hf/model --budget 30MB --hours 8 --prompts questions.jsonl",
      "taught on answers to your users' questions, in eight hours",
    ],
    [
      "outrider draft --target qwen2.5-coder-1.5b --from small.gguf --blocks 12 --mlp 1216 --head 16384 --budget 40MB",
      "of a known pair, in a shape of your own, cut from a smaller model with the same tokens",
    ],
  ],
  options: {
    target: text("MODEL", "the model that decides: a pair's name, a pack, a GGUF file, or a Hugging Face folder", {
      required: true,
    }),
    budget: option("SIZE", "the most that the draft's pack may take, such as 30MB", bytesOf, { default: "30MB" }),
    out: text("DIRECTORY", "where draft, card and journal go. The default is MODEL-draft"),
    hours: decimal("N", "for everything; divided between writing, cutting and teaching", { from: 0.001, to: 10_000 }),
    text: texts(
      "PATH",
      "text to teach on: a corpus, any text, or the folder of a project's code. May be given several times",
    ),
    prompts: texts("FILE", "questions for the target to answer: lines, or .jsonl of turns. May be given several times"),
    self: flag("the target also asks itself"),
    questions: choice([...SUBJECTS, "none"], "of ours that the target answers, too", { default: "general" }),
    from: text("MODEL", "what the draft is cut from: a smaller model with the target's tokens"),
    blocks: option("N|LIST", "how many blocks stay, or which: 3,5,7", blocksOf),
    heads: whole("heads of queries of a block", { from: 1 }),
    mlp: whole("MLP channels of a block", { from: 1 }),
    head: whole("tokens that have a row", { from: 1 }),
    format: choice(Object.keys(DRAFT_FORMATS) as DraftFormat[], "of the blocks' weights", { default: "lut4" }),
    rate: decimal(
      "R",
      "the highest learning rate of rounded weights. The default suits the format: 3e-5, and 8e-5 for 2 bits",
      { from: 1e-9, to: MOST_RATE },
    ),
  },
  notes: `Says first what it will do and how long that takes on this machine, and asks nothing. Ctrl-C stops it; the
same command goes on and loses minutes at most. Another command with the same --out repeats only what its options
change.

Needs Python 3.11 or newer; what it needs of PyTorch is installed into the cache once. OUTRIDER_PYTHON names an
interpreter that has it already. CUDA, MPS or the processor: whatever PyTorch finds.

docs/use/make-a-draft.md explains the stages and what to choose.`,
  async run({ target: named, out, from, text: files, ...rest }) {
    const { file, target } = await targetOf(named);
    const model = `${target.model}-draft`;
    const options: DraftOptions = {
      ...rest,
      target,
      targetFile: path.resolve(file),
      baseFile: path.resolve(from === undefined ? file : await fileOf(from)),
      out: path.resolve(out ?? model),
      model,
      texts: files,
      command: typed(process.argv.slice(2)),
    };
    const stopping = new AbortController();
    const stop = (): void => {
      console.error("\nstopping; once more to stop at once");
      stopping.abort();
    };
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
    try {
      const made = await makeDraft(options, { signal: stopping.signal, say: (line) => console.error(line) });
      const served = made.figures?.served?.both.toFixed(2);
      const worth = served === undefined ? "" : `, ${served} tokens per target pass`;
      console.log(`${path.relative(process.cwd(), made.pack)}: ${model}, ${(made.bytes / 1e6).toFixed(1)} MB${worth}`);
    } finally {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
    }
  },
});

/** "30MB", "1.5 GB", "30000000". */
function bytesOf(given: string, name: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(kb|mb|gb)?$/i.exec(given);
  const unit = { kb: 1e3, mb: 1e6, gb: 1e9 }[match?.[2]?.toLowerCase() ?? ""] ?? 1;
  const bytes = Number(match?.[1]) * unit;
  if (bytes >= 1) return bytes;
  throw usage(`${name} is a size such as 30MB, not "${given}"`);
}

/** A count, or a list with a comma in it. */
function blocksOf(given: string, name: string): number | readonly number[] {
  const list = given.split(",").filter((part) => part !== "");
  if (!/^\d+(,\d+)*,?$/.test(given))
    throw usage(`${name} is a number of blocks or a list such as 3,5,7, not "${given}"`);
  return given.includes(",") ? list.map(Number) : Number(given);
}

/** A command line that a shell reads as it was typed. */
const typed = (words: readonly string[]): string =>
  [
    "npx outrider",
    ...words.map((word) => (/^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)),
  ].join(" ");
