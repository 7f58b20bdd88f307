/** `outrider eval`: how well a pack predicts a text, alone and beside the model it was made from. */
import { parseArgs } from "node:util";
import type { PackedModel } from "../format/pack.ts";
import { OutriderError } from "../model/errors.ts";
import { Tokenizer } from "../model/tokenizer.ts";
import { FloatLlama } from "./calibrate/float-llama.ts";
import { score } from "./calibrate/perplexity.ts";
import { Pool } from "./calibrate/pool.ts";
import { evenWidth } from "./even-width.ts";
import { readModel } from "./squeeze.ts";
import { readWindows } from "./windows.ts";

const HELP = `usage: outrider eval PACK|GGUF --text FILE [options]

Perplexity on windows of a text, in f32 arithmetic on the values that the weights stand for.

  --windows 0..63      which windows, from the first of the text
  --length 512         tokens of each
  --against PACK|GGUF  another model of the same vocabulary: KL from it, and share of equal argmax
  --json               one line of JSON`;

const TEXT = { type: "string" } as const;
const OPTIONS = {
  text: TEXT,
  windows: { ...TEXT, default: "0..63" },
  length: { ...TEXT, default: "512" },
  against: TEXT,
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Prints the figures. Throws `bad_option` for what it does not understand. */
export async function evalCommand(argv: string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  if (values.help) return console.log(HELP);
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0 || values.text === undefined) throw bad("one model and --text are needed");
  const [first, last] = range(values.windows);
  const length = Number(values.length);
  if (!(Number.isInteger(length) && length >= 2))
    throw bad(`--length is a whole number from 2 on, not "${values.length}"`);

  const model = await readModel(file);
  const other = values.against === undefined ? undefined : await readModel(values.against);
  const tokenizer = new Tokenizer(model.tokenizer["tokenizer.json"]);
  const windows = await readWindows(values.text, tokenizer, first, last - first + 1, length);
  await using pool = await Pool.open();
  const floats = (each: PackedModel) => new FloatLlama(pool, evenWidth(each));
  const figures = await score(floats(model), windows, other && floats(other));
  const { bytes, bitsPerWeight } = size(model);
  const all = { model: model.model, bytes, bitsPerWeight, ...figures };
  if (values.json) return console.log(JSON.stringify(all));
  console.log(`${model.model}: ${(bytes / 1e6).toFixed(1)} MB, ${bitsPerWeight.toFixed(2)} bits a block weight`);
  console.log(`perplexity ${figures.perplexity.toFixed(3)} on windows ${values.windows} of ${length} tokens`);
  if (figures.divergence === undefined || figures.agreement === undefined) return;
  console.log(
    `against ${other!.model}: KL ${figures.divergence.toFixed(4)} nats, equal argmax ${(100 * figures.agreement).toFixed(2)} %`,
  );
}

/** Bytes of all tensors, and bits a weight of the block matrices as they are stored, zeros counted as weights. */
function size({ tensors }: PackedModel): { bytes: number; bitsPerWeight: number } {
  let [bytes, bits, weights] = [0, 0, 0];
  for (const [name, tensor] of tensors) {
    bytes += tensor.bytes.length;
    if (!name.startsWith("model.layers.") || tensor.rows === 1) continue;
    bits += 8 * tensor.bytes.length;
    weights += tensor.rows * tensor.cols;
  }
  return { bytes, bitsPerWeight: bits / weights };
}

function range(text: string): [number, number] {
  const match = /^(\d+)\.\.(\d+)$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (first <= last) return [first, last];
  throw bad(`--windows are FIRST..LAST, such as 300..363, not "${text}"`);
}

function parse(argv: string[]) {
  try {
    return parseArgs({ args: argv, allowPositionals: true, options: OPTIONS });
  } catch (cause) {
    throw bad((cause as Error).message);
  }
}

const bad = (message: string) => new OutriderError("bad_option", `${message}\n\n${HELP}`);
