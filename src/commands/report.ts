/** `outrider report`: what recipes cost and what they left, as one HTML page. */

import { access, constants, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { FloatLlama } from "../calibrate/float-llama.ts";
import { Pool } from "../calibrate/threads/pool.ts";
import type { Figures } from "../evaluate/figures.ts";
import { evenWidth } from "../format/even-width.ts";
import { OutriderError } from "../model/errors.ts";
import { Tokenizer } from "../model/tokenizer.ts";
import { readModel } from "../platform/read-model.ts";
import { analyse } from "../report/analysis.ts";
import { bytesByKind, countsOf } from "../report/contents.ts";
import { htmlReport, type Reported } from "../report/html.ts";
import { shortNames } from "../report/names.ts";
import { Sensitivity } from "../report/sensitivity.ts";
import { badLine, readLines } from "../text/text-file.ts";
import { readWindows } from "../text/windows.ts";
import { rangeOption, wholeOption } from "./number-options.ts";

const HELP = `usage: outrider report FIGURES.jsonl... --against PACK|GGUF --out FILE.html [options]

One HTML page, which loads nothing, of the packs that \`outrider eval --json\` wrote lines of: size against acceptance and
perplexity, all figures, where the bytes lie, what was removed, and what each block lost. A pack's last line counts.

  --against PACK|GGUF  the original that the packs were made from
  --text FILE          measures how much the original minds each block of each pack, on windows of this text
  --windows 0..3       which windows, from the first of the text
  --length 128         tokens of each`;

const TEXT = { type: "string" } as const;
const OPTIONS = {
  against: TEXT,
  out: TEXT,
  text: TEXT,
  windows: { ...TEXT, default: "0..3" },
  length: { ...TEXT, default: "128" },
  help: { type: "boolean", default: false },
} as const;

/** Writes the page. Throws `bad_option` for what it does not understand, `bad_text` for lines that eval did not write. */
export async function reportCommand(argv: string[]): Promise<void> {
  const { values, positionals: files } = parse(argv);
  if (values.help) return console.log(HELP);
  const { against, out, text } = values;
  if (files.length === 0 || against === undefined || out === undefined) {
    throw bad("lines of figures, --against and --out are needed");
  }
  const { first, count } = rangeOption("--windows", values.windows);
  const length = wholeOption("--length", values.length, 2);

  await checkWritable(path.dirname(out));
  const figures = await readFigures(files);
  const original = await readModel(against);
  const tokenizer = new Tokenizer(original.tokenizer["tokenizer.json"]);
  const windows = text === undefined ? undefined : await readWindows(text, tokenizer, first, count, length);
  await using pool = await Pool.open();
  const llama = new FloatLlama(pool, evenWidth(original));
  const sensitivity = windows && (await Sensitivity.of(llama, windows));
  const packs: Reported[] = [];
  const names = shortNames(figures.map(({ pack }) => pack));
  for (const [n, each] of figures.entries()) {
    const model = await readModel(each.pack);
    packs.push({
      figures: { ...each, pack: names[n]! },
      bytes: bytesByKind(model),
      counts: countsOf(model),
      analysis: await analyse(model, original, llama, sensitivity),
    });
  }
  const on = text && `windows ${values.windows} of ${length} tokens of ${path.basename(text)}`;
  await writeFile(out, htmlReport(packs, { model: original.model, counts: countsOf(original) }, on));
  console.error(`${out}: ${packs.length} packs`);
}

/** Now rather than after the measurement. */
async function checkWritable(directory: string): Promise<void> {
  await access(directory, constants.W_OK).catch(() => {
    throw bad(`--out cannot be written into ${directory}; name a file in a directory that exists`);
  });
}

/** By pack, in the order of their first lines. */
async function readFigures(files: readonly string[]): Promise<Figures[]> {
  const byPack = new Map<string, Figures>();
  for (const file of files) {
    for (const [n, line] of (await readLines<Partial<Figures>>(file)).entries()) {
      if (line.pack === undefined || line.bytes === undefined || line.on === undefined) {
        throw badLine(file, n, "these are no figures; make them with `outrider eval PACK... --json`");
      }
      byPack.set(line.pack, line as Figures);
    }
  }
  return [...byPack.values()];
}

function parse(argv: string[]) {
  try {
    return parseArgs({ args: argv, allowPositionals: true, options: OPTIONS });
  } catch (cause) {
    throw bad((cause as Error).message);
  }
}

const bad = (message: string) => new OutriderError("bad_option", `${message}\n\n${HELP}`);
