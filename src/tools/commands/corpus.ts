/** `outrider corpus`: text that the target wrote, as data to train and calibrate on. */
import { availableParallelism } from "node:os";
import type { Author } from "../corpus/author.ts";
import { CorpusFile } from "../corpus/corpus-file.ts";
import { describeCorpus, describeGrowth } from "../corpus/describe.ts";
import { growCorpus, type Plan } from "../corpus/grow.ts";
import { type Dropped, ownQuestions, readQuestions } from "../corpus/questions.ts";
import { ServedTarget } from "../corpus/served-target.ts";
import { Target } from "../corpus/target.ts";
import { Threads } from "../corpus/threads.ts";
import { command } from "./command.ts";
import { option, text, usage, whole } from "./options.ts";

export const corpusCommand = command({
  examples: [
    [
      "outrider corpus --out corpus.jsonl.gz --model-pack target-pack --self 1000",
      "the target asks and answers itself",
    ],
    [
      "outrider corpus --out corpus.jsonl --model-pack target-pack --prompts questions.txt --temperature 0",
      "greedy answers to your own questions",
    ],
    [
      "outrider corpus --out corpus.jsonl --url http://127.0.0.1:8000/v1 --tokenizer target-pack --prompts questions.txt",
      "from a server that runs what does not run here",
    ],
  ],
  options: {
    out: text("FILE.jsonl[.gz]", "the corpus; a file that is there is added to", { required: true }),
    modelPack: text(
      "PACK",
      "the target, which runs here in threads; its text is what the service emits, seed for seed",
    ),
    url: text("URL", "an OpenAI-compatible server that runs the target instead; ends in /v1"),
    tokenizer: text("PACK", "with --url: the pack of that model, or of one with its tokenizer"),
    prompts: text(
      "FILE",
      'questions: lines of text; or .jsonl (.gz) of {"turns": [text, …]}, the user\'s turns of a conversation, or ' +
        '{"prompt": text}',
    ),
    self: whole("so many questions that the target asks itself: its own user turns at temperature 1", { from: 1 }),
    temperature: option("LIST", "every question is answered at each of these", temperaturesOf, { default: "0,0.7,1" }),
    maxTokens: whole("of an answer", { from: 1, default: 256 }),
  },
  notes: `Stores answers as token ids, a line each: {"prompt": ids, "answer": ids, "temperature": 0.7, "seed": 1,
"split": "train" or "held-out"}.

One prompt in 20 is held out, chosen by a hash of the prompt alone; later turns go with the first. A question asked
twice, or an answer equal to another to its prompt, stands once. The same command run again continues, or adds what is
missing: more questions or temperatures. Ctrl-C ends with what is begun, a second one at once.

A server sends text, and the corpus holds ids that are made anew from the text. They can differ from the sampled ids,
more often at higher temperatures. A server with sampling defaults of its own (top_k, penalties) must have them off.`,
  async run({ out, modelPack, url, tokenizer, prompts, self, temperature, maxTokens }) {
    if ((prompts === undefined) === (self === undefined)) throw usage("one of --prompts and --self is needed");
    const pack = packOf({ modelPack, url, tokenizer });
    if (url !== undefined && self !== undefined) throw usage("--self asks a target that runs here; give --prompts");
    const plan: Plan = { temperatures: temperature, maxTokens };
    const target = await Target.open(pack);
    const file = new CorpusFile(out, target.vocabulary);
    const listed = prompts === undefined ? undefined : await readQuestions(prompts, target);
    await using author: Author =
      url === undefined
        ? new Threads(availableParallelism(), { pack, context: target.context })
        : await ServedTarget.open(url, target);

    const dropped: Dropped = { empty: 0, unfinished: 0 };
    const answered = (turnSeed: number): boolean => {
      const prompt = file.turn(turnSeed);
      return prompt !== undefined && temperature.every((each) => file.answer(prompt, each));
    };
    const questions = listed ?? ownQuestions(author, target, self!, answered, dropped);
    using interruption = new Interruption();
    const stopped = () => interruption.pressed;
    const growth = await growCorpus(file, author, target, questions, listed?.length ?? self!, plan, stopped);
    console.log(describeGrowth(growth, dropped));
    console.log(describeCorpus(out, file.lines));
  },
});

/** The pack that says what the target's tokens are. */
function packOf({ modelPack, url, tokenizer }: Readonly<Record<string, string | undefined>>): string {
  if ((modelPack === undefined) === (url === undefined)) throw usage("one of --model-pack and --url is needed");
  if (modelPack !== undefined && tokenizer !== undefined) throw usage("--tokenizer goes with --url");
  const pack = modelPack ?? tokenizer;
  if (pack !== undefined) return pack;
  throw usage("--url needs --tokenizer PACK, because a server sends text and a corpus holds ids");
}

function temperaturesOf(given: string, name: string): readonly number[] {
  const values = given.split(",").map((each) => (/^\d*\.?\d+$/.test(each) ? Number(each) : Number.NaN));
  if (values.every((value) => value <= 2)) return [...new Set(values)];
  throw usage(`${name} is numbers from 0 to 2 with commas between, such as 0,0.7,1, not "${given}"`);
}

/** Whether Ctrl-C was pressed; the exit status then says so, too. A second one ends the process, as without this. */
class Interruption {
  pressed = false;
  readonly #press = (): void => {
    this.pressed = true;
    process.exitCode = 130;
    console.error("\nending with what is begun; Ctrl-C again ends at once");
  };

  constructor() {
    process.once("SIGINT", this.#press);
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#press);
  }
}
