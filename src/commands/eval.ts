/** `outrider eval`: how well packs predict a text, alone and beside the model they were made from, and what they are worth as drafts. */

import path from "node:path";
import { parseArgs } from "node:util";
import { Pool } from "../calibrate/threads/pool.ts";
import { textTable } from "../charts/text-table.ts";
import { figureTable, LEGEND } from "../evaluate/columns.ts";
import { endOfOther, type Figures, figuresOf, type Material } from "../evaluate/figures.ts";
import type { PackedModel } from "../format/pack.ts";
import { OutriderError } from "../model/errors.ts";
import { Tokenizer } from "../model/tokenizer.ts";
import { readModel } from "../platform/read-model.ts";
import { readAnswers } from "../text/target-text.ts";
import { readWindows } from "../text/windows.ts";
import { rangeOption, wholeOption } from "./number-options.ts";

const HELP = `usage: outrider eval PACK|GGUF... [--text FILE] [--answers FILE.jsonl[.gz]] [options]

Figures of each model, in f32 arithmetic on the values that the weights stand for:
on windows of a text its perplexity; on answers that a target wrote, how much of them it would have drafted.

  --text FILE          text, or lines of JSON: {"prompt": ids, "answer": ids} or {"text": …}
  --windows 0..63      which windows, from the first of the text
  --length 512         tokens of each
  --against PACK|GGUF  another model of the same vocabulary: KL from it, and share of equal argmax; runs once for all
  --answers FILE       {"prompt": ids, "answer": ids} a line: share of tokens drafted right, tokens a target pass
  --first 64           how many answers
  --served             and as the service drafts: chains with siblings, the model alone, copies alone, both
  --no-speed           do not time the engine's decoding, on one thread, 3 seconds a model
  --json               a line of JSON a model, for \`outrider report\`

A model with a trimmed vocabulary has no perplexity and no KL, for there are tokens that it cannot say.`;

const TEXT = { type: "string" } as const;
const SWITCH = { type: "boolean", default: false } as const;
const OPTIONS = {
  text: TEXT,
  windows: { ...TEXT, default: "0..63" },
  length: { ...TEXT, default: "512" },
  against: TEXT,
  answers: TEXT,
  first: { ...TEXT, default: "64" },
  served: SWITCH,
  "no-speed": SWITCH,
  json: SWITCH,
  help: SWITCH,
} as const;

/** Prints the figures. Throws `bad_option` for what it does not understand, `bad_model` for models of different vocabularies. */
export async function evalCommand(argv: string[]): Promise<void> {
  const { values, positionals: files } = parse(argv);
  if (values.help) return console.log(HELP);
  if (files.length === 0 || (values.text === undefined && values.answers === undefined)) {
    throw bad("a model is needed, and --text or --answers");
  }
  if (values.against !== undefined && values.text === undefined) throw bad("--against compares on --text, name one");
  if (values.served && values.answers === undefined) throw bad("--served drafts answers, name some with --answers");
  const { first, count } = rangeOption("--windows", values.windows);
  const length = wholeOption("--length", values.length, 2);
  const answers = wholeOption("--first", values.first, 1);

  const model = await readModel(files[0]!);
  const tokenizer = new Tokenizer(model.tokenizer["tokenizer.json"]);
  const parts = [
    values.text && `windows ${values.windows} of ${length} tokens of ${path.basename(values.text)}`,
    values.against && `against ${values.against}`,
    values.answers && `up to ${answers} answers of ${path.basename(values.answers)}`,
  ];
  const material: Material = {
    on: parts.filter(Boolean).join(", "),
    windows: values.text === undefined ? [] : await readWindows(values.text, tokenizer, first, count, length),
    answers: values.answers === undefined ? [] : await readAnswers(values.answers, answers),
    served: values.served,
    speed: !values["no-speed"],
  };
  const all: Figures[] = [];
  for await (const figures of evaluate(files, model, material, values.against)) {
    all.push(figures);
    if (values.json) console.log(JSON.stringify(figures));
  }
  if (values.json) return;
  const { heads, rows } = figureTable(all);
  console.log(textTable(heads, rows).join("\n"));
  console.log(["", `On ${material.on}.`, ...LEGEND].join("\n"));
}

/** One after the other, so that the memory holds one model and the end of the other. */
async function* evaluate(
  files: readonly string[],
  first: PackedModel,
  material: Material,
  against: string | undefined,
): AsyncGenerator<Figures> {
  await using pool = await Pool.open();
  const other = against === undefined ? undefined : await readModel(against);
  if (other) checkVocabulary(other, first);
  const end = other && (await endOfOther(pool, other, material.windows));
  for (const [n, file] of files.entries()) {
    const model = n === 0 ? first : await readModel(file);
    checkVocabulary(model, first);
    yield await figuresOf(pool, file, model, material, end);
  }
}

/** Windows and answers are tokens of one vocabulary. */
function checkVocabulary(model: PackedModel, first: PackedModel): void {
  if (model.vocabulary.hash === first.vocabulary.hash) return;
  throw new OutriderError(
    "bad_model",
    `${model.model} has other tokens than ${first.model}; evaluate models of different vocabularies one by one`,
  );
}

function parse(argv: string[]) {
  try {
    return parseArgs({ args: argv, allowPositionals: true, options: OPTIONS });
  } catch (cause) {
    throw bad((cause as Error).message);
  }
}

const bad = (message: string) => new OutriderError("bad_option", `${message}\n\n${HELP}`);
