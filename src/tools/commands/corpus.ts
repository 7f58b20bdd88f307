/** `outrider corpus`: text that the target wrote, as data to train and calibrate on. */
import { availableParallelism } from "node:os";
import { Api } from "../corpus/api.ts";
import type { Author } from "../corpus/author.ts";
import { CorpusFile } from "../corpus/corpus-file.ts";
import { describeCorpus, describeGrowth } from "../corpus/describe.ts";
import { growCorpus, type Plan } from "../corpus/grow.ts";
import { RETRY_MS } from "../corpus/http.ts";
import { type Dropped, ownQuestions, readQuestions } from "../corpus/questions.ts";
import { Target } from "../corpus/target.ts";
import { Threads } from "../corpus/threads.ts";
import { readTextFile } from "../text/text-file.ts";
import { command } from "./command.ts";
import { flag, option, text, usage, whole } from "./options.ts";

/** Tokens of a timeline in a thread at most; each thread has keys and values for so many. */
const LONGEST = 8192;

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
      "outrider corpus --out corpus.jsonl --url http://127.0.0.1:8000/v1 --tokenizer target-pack --self 1000",
      "from a server that speaks OpenAI's API",
    ],
  ],
  options: {
    out: text("FILE.jsonl[.gz]", "the corpus; a file that is there is added to", { required: true }),
    modelPack: text("PACK", "runs the target here, in threads; seed for seed the text that the service emits"),
    url: text("URL", "asks an OpenAI-compatible server instead"),
    tokenizer: text("PACK", "with --url: the pack of that model, or of one with its tokenizer"),
    tokenFile: text("FILE", "with --url: holds the server's key"),
    model: text("ID", "with --url: which of the server's models, if it has several"),
    prompts: text(
      "FILE",
      'questions: lines of text; or .jsonl (.gz) of {"turns": [text, …]}, the user\'s turns of a conversation, or ' +
        '{"prompt": text}',
    ),
    self: whole("so many questions that the target asks itself: its own user turns at temperature 1", { from: 1 }),
    temperature: option("LIST", "every question is answered at each of these", temperaturesOf, { default: "0,0.7,1" }),
    maxTokens: whole("of an answer", { from: 1, default: 256 }),
    limitTokens: whole("stops at so many answer tokens in the file", { from: 1 }),
    seed: whole("same seed, same file", { from: 0, default: 0 }),
    concurrency: whole("threads (unless given, one a core) or requests (8) at once; the file does not depend on it", {
      from: 1,
    }),
    json: flag("prints what was added as JSON"),
  },
  notes: `Stores answers as token ids, a line each: {"prompt": ids, "answer": ids, "temperature": 0.7, "seed": 1,
"split": "train" or "held-out"}.

One prompt in 20 is held out, chosen by a hash of the prompt alone; later turns go with the first. A question asked
twice, or an answer equal to another to its prompt, stands once. The same command run again continues, or adds what is
missing: more questions, temperatures or tokens. Ctrl-C ends with what is begun, a second one at once.

A server sends text, and the corpus holds ids that are made anew from the text. They can differ from the sampled ids,
more often at higher temperatures. A server with sampling defaults of its own (top_k, penalties) must have them off.
--self over --url needs /v1/completions with a prompt of token ids.`,
  async run({ out, prompts, self, temperature, maxTokens, limitTokens, seed, concurrency, json, ...source }) {
    if ((prompts === undefined) === (self === undefined)) throw usage("one of --prompts and --self is needed");
    const plan: Plan = {
      temperatures: temperature,
      seed,
      maxTokens,
      limitTokens: limitTokens ?? Number.MAX_SAFE_INTEGER,
    };
    const target = await Target.open(packOf(source), source.url === undefined ? LONGEST : undefined);
    const file = new CorpusFile(out, target.vocabulary);
    const listed = prompts === undefined ? undefined : await readQuestions(prompts, target);
    await using author = await authorOf(source, target, concurrency);

    const dropped: Dropped = { empty: 0, unfinished: 0 };
    const answered = (turnSeed: number): boolean => {
      const prompt = file.turn(turnSeed);
      return prompt !== undefined && temperature.every((each) => file.answer(prompt, each));
    };
    const questions = listed ?? ownQuestions(author, target, seed, self!, answered, dropped);
    using interruption = new Interruption();
    const stopped = () => interruption.pressed;
    const growth = await growCorpus(file, author, target, questions, listed?.length ?? self!, plan, stopped);
    if (json) return console.log(JSON.stringify({ file: out, ...growth, dropped }));
    console.log(describeGrowth(growth, dropped));
    console.log(describeCorpus(out, file.lines));
  },
});

interface Source {
  readonly modelPack: string | undefined;
  readonly url: string | undefined;
  readonly tokenizer: string | undefined;
  readonly tokenFile: string | undefined;
  readonly model: string | undefined;
}

function temperaturesOf(given: string, name: string): readonly number[] {
  const values = given.split(",").map((each) => (/^\d*\.?\d+$/.test(each) ? Number(each) : Number.NaN));
  if (values.every((value) => value <= 2)) return [...new Set(values)];
  throw usage(`${name} is numbers from 0 to 2 with commas between, such as 0,0.7,1, not "${given}"`);
}

/** The pack that says what the target's tokens are. */
function packOf({ modelPack, url, tokenizer, tokenFile, model }: Source): string {
  if ((modelPack === undefined) === (url === undefined)) throw usage("one of --model-pack and --url is needed");
  if (modelPack === undefined) {
    if (tokenizer !== undefined) return tokenizer;
    throw usage("--url needs --tokenizer PACK, because a server sends text and a corpus holds ids");
  }
  const stray = Object.entries({ "--tokenizer": tokenizer, "--token-file": tokenFile, "--model": model }).find(
    ([, value]) => value !== undefined,
  );
  if (stray) throw usage(`${stray[0]} goes with --url`);
  return modelPack;
}

async function authorOf(source: Source, target: Target, concurrency: number | undefined): Promise<Author> {
  const { modelPack: pack, url, model, tokenFile } = source;
  if (pack !== undefined) {
    return new Threads(concurrency ?? availableParallelism(), { pack, context: target.context });
  }
  const token = tokenFile === undefined ? undefined : (await readTextFile(tokenFile)).trim();
  return Api.open({ url: url!, token, model, retryMs: RETRY_MS }, target, concurrency ?? 8);
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
