/** `outrider corpus`: text that the target wrote, as data to train and calibrate on. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Api } from "../corpus/api.ts";
import type { Author } from "../corpus/author.ts";
import { CorpusFile } from "../corpus/corpus-file.ts";
import { growCorpus, type Plan } from "../corpus/grow.ts";
import { RETRY_MS } from "../corpus/http.ts";
import { type Dropped, ownQuestions, readQuestions } from "../corpus/questions.ts";
import { describeCorpus, describeGrowth } from "../corpus/report.ts";
import { Target } from "../corpus/target.ts";
import { Threads } from "../corpus/threads.ts";
import { OutriderError } from "../model/errors.ts";
import { readTextFile } from "../text/text-file.ts";
import { wholeOption } from "./number-options.ts";

const HELP = `usage: outrider corpus --out FILE.jsonl[.gz] --model-pack PACK (--prompts FILE | --self N) [options]
       outrider corpus --out FILE.jsonl[.gz] --url http://HOST/v1 --tokenizer PACK (--prompts FILE | --self N) [options]

Has a target write answers and stores them as token ids, a line each:
{"prompt": ids, "answer": ids, "temperature": 0.7, "seed": 1, "split": "train" or "held-out"}.

  --model-pack PACK      run the target here, on the wasm engine in threads; seed for seed the text that the service gives
  --url URL              ask an OpenAI-compatible server. Only text comes back: its ids are made anew by the tokenizer of
                         --tokenizer PACK, and can differ from those that were sampled, the hotter the oftener. A server with
                         sampling defaults of its own (top_k, penalties) must have them off, or it is not the target's plain
                         distribution that is written down
  --token-file FILE      the server's key
  --model ID             which of the server's models, if it has several
  --prompts FILE         questions: lines of text; or .jsonl (.gz) of {"turns": [text, …]}, the user's turns of a conversation
                         (Spec-Bench), or {"prompt": text}
  --self N               N questions that the target asks itself: its own user turns at temperature 1. Over --url this needs
                         /v1/completions with a prompt of token ids
  --temperature 0,0.7,1  every question is answered at each of these
  --max-tokens 256       of an answer
  --limit-tokens N       stop at so many answer tokens in the file
  --seed 0               same seed, same file
  --concurrency N        threads (default: cores) or requests (default: 8) at once; the file does not depend on it

One prompt in 20 is held out, chosen by a hash of the prompt alone; later turns go with the first. A question asked twice, or
an answer equal to another to its prompt, stands once. Run it again to go on, or with more questions, temperatures or tokens:
it adds what is missing. Ctrl-C ends with what is begun, a second one at once.`;

/** Tokens of a timeline in a thread at most; each thread has keys and values for so many. */
const LONGEST = 8192;

const TEXT = { type: "string" } as const;
const OPTIONS = {
  out: TEXT,
  "model-pack": TEXT,
  url: TEXT,
  tokenizer: TEXT,
  "token-file": TEXT,
  model: TEXT,
  prompts: TEXT,
  self: TEXT,
  temperature: { ...TEXT, default: "0,0.7,1" },
  "max-tokens": { ...TEXT, default: "256" },
  "limit-tokens": TEXT,
  seed: { ...TEXT, default: "0" },
  concurrency: TEXT,
  help: { type: "boolean", default: false },
} as const;

const SERVER_ONLY = ["tokenizer", "token-file", "model"] as const;

type Values = ReturnType<typeof parse>;

/** Prints what the file holds then. Throws `bad_option` for what it does not understand, and what reading or asking throws. */
export async function corpusCommand(argv: string[]): Promise<void> {
  const values = parse(argv);
  if (values.help) return console.log(HELP);
  const { out, prompts } = values;
  if (out === undefined) throw bad("--out is needed");
  if ((prompts === undefined) === (values.self === undefined)) throw bad("one of --prompts and --self is needed");
  const plan = planOf(values);
  const self = wholeOption("--self", values.self ?? "1", 1);
  const target = await Target.open(packOf(values), values.url === undefined ? LONGEST : undefined);
  const file = new CorpusFile(out, target.vocabulary);
  const listed = prompts === undefined ? undefined : await readQuestions(prompts, target);
  await using author = await authorOf(values, target);

  const dropped: Dropped = { empty: 0, unfinished: 0 };
  const answered = (turnSeed: number): boolean => {
    const prompt = file.turn(turnSeed);
    return prompt !== undefined && plan.temperatures.every((temperature) => file.answer(prompt, temperature));
  };
  const questions = listed ?? ownQuestions(author, target, plan.seed, self, answered, dropped);
  using interruption = new Interruption();
  const stopped = () => interruption.pressed;
  const growth = await growCorpus(file, author, target, questions, listed?.length ?? self, plan, stopped);
  console.log(describeGrowth(growth, dropped));
  console.log(describeCorpus(out, file.lines));
}

function planOf(values: Values): Plan {
  const temperatures = [...new Set(values.temperature.split(",").map(temperatureOf))];
  return {
    temperatures,
    seed: wholeOption("--seed", values.seed, 0),
    maxTokens: wholeOption("--max-tokens", values["max-tokens"], 1),
    limitTokens: wholeOption("--limit-tokens", values["limit-tokens"] ?? `${Number.MAX_SAFE_INTEGER}`, 1),
  };
}

function temperatureOf(text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 2) return value;
  throw bad(`--temperature are numbers from 0 to 2 with commas between, such as 0,0.7,1, not "${text}"`);
}

/** The pack that says what the target's tokens are. */
function packOf(values: Values): string {
  const { "model-pack": pack, url, tokenizer } = values;
  if ((pack === undefined) === (url === undefined)) throw bad("one of --model-pack and --url is needed");
  const stray = SERVER_ONLY.find((name) => pack !== undefined && values[name] !== undefined);
  if (stray !== undefined) throw bad(`--${stray} goes with --url`);
  if (pack !== undefined) return pack;
  if (tokenizer !== undefined) return tokenizer;
  throw bad(
    "--url needs --tokenizer PACK, the pack of that model or of one with its tokenizer: a server sends text, a corpus holds ids",
  );
}

async function authorOf(values: Values, target: Target): Promise<Author> {
  const { "model-pack": pack, url, model } = values;
  const concurrency = values.concurrency ?? `${url === undefined ? availableParallelism() : 8}`;
  const atOnce = wholeOption("--concurrency", concurrency, 1);
  if (pack !== undefined) return new Threads(atOnce, { pack, context: target.context });
  const file = values["token-file"];
  const token = file === undefined ? undefined : (await readTextFile(file)).trim();
  return Api.open({ url: url!, token, model, retryMs: RETRY_MS }, target, atOnce);
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

function parse(argv: string[]) {
  try {
    return parseArgs({ args: argv, options: OPTIONS }).values;
  } catch (cause) {
    throw bad((cause as Error).message);
  }
}

const bad = (message: string) => new OutriderError("bad_option", `${message}\n\n${HELP}`);
