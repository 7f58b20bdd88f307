/**
 * Chooses which blocks the draft keeps: removes one at a time, the one whose loss costs least agreement with the target
 * on text that the target wrote. Prints a table and notes each step in a log, from which a later run goes on.
 *
 *   node models/smollm2-135m-draft/choose-layers.ts TEXT.jsonl[.gz] [--tokens 2000] [--keep 16] [--log FILE]
 *
 * TEXT has one {"prompt": [ids], "answer": [ids]} a line, the answers written by the target itself, greedily.
 * Needs the target's pack (`outrider prepare`). Ten removals take about forty minutes.
 */
import { appendFile, readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import { agreementRate, tokensPerPass } from "../../src/compress/methods/acceptance.ts";
import { greedyRemoval } from "../../src/compress/methods/depth.ts";
import { startProgress } from "../../src/compress/progress.ts";
import { type Llama, loadLlama } from "../../src/draft/model.ts";
import { directoryHeader, shardReader } from "../../src/format/disk.ts";
import { builtModules } from "../../src/kernels/built.ts";

/** Tokens a longest text may have; longer ones are left out, so that a step's time is spent on many prompts. */
const LONGEST = 256;
const ROWS = 32;
const DRAFTED = 8;

const ids = z.array(z.int().nonnegative()).min(1);
const textSchema = z.object({ prompt: ids, answer: ids });
type Text = z.infer<typeof textSchema>;

const stepSchema = z.object({ layers: z.array(z.int()), removed: z.int(), agreement: z.number() });

/** Texts from the whole file, evenly spread, until their answers have `tokens` tokens. */
async function readTexts(file: string, tokens: number): Promise<Text[]> {
  const bytes = await readFile(file);
  const lines = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").trim().split("\n");
  const usable = lines
    .map((line) => textSchema.parse(JSON.parse(line)))
    .filter(({ prompt, answer }) => prompt.length + answer.length <= LONGEST);
  const mean = usable.reduce((sum, { answer }) => sum + answer.length, 0) / usable.length;
  const stride = Math.max(1, Math.floor((usable.length * mean) / tokens));
  const chosen: Text[] = [];
  let left = tokens;
  for (let n = 0; n < usable.length && left > 0; n += stride) {
    chosen.push(usable[n]!);
    left -= usable[n]!.answer.length;
  }
  return chosen;
}

/** Per text, which tokens of the answer the model predicts from what comes before. */
function predictions(llama: Llama, texts: readonly Text[]): boolean[][] {
  return texts.map(({ prompt, answer }) => {
    const cache = llama.newCache();
    llama.forward(cache, prompt, 1);
    const hits = [llama.argmax(0) === answer[0]];
    for (let at = 1; at < answer.length; at += ROWS) {
      const next = answer.slice(at, at + ROWS);
      const fed = answer.slice(at - 1, at - 1 + next.length);
      llama.forward(cache, fed, fed.length);
      for (const [row, token] of next.entries()) hits.push(llama.argmax(row) === token);
    }
    cache.release();
    return hits;
  });
}

/** Steps of an earlier run; none if there is no log yet. */
async function readLog(file: string): Promise<z.infer<typeof stepSchema>[]> {
  try {
    const text = await readFile(file, "utf8");
    return text
      .trim()
      .split("\n")
      .map((line) => stepSchema.parse(JSON.parse(line)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tokens: { type: "string", default: "2000" },
    keep: { type: "string", default: "16" },
    log: { type: "string", default: path.resolve(import.meta.dirname, "../../.cache/choose-layers.log") },
  },
});
const [textFile] = positionals;
if (!textFile) throw new Error("usage: choose-layers.ts TEXT.jsonl[.gz] [--tokens N] [--keep LAYERS] [--log FILE]");

const packed = path.resolve(import.meta.dirname, "../smollm2-135m/pack");
const header = await directoryHeader(packed);
const llama = await loadLlama(header, shardReader(packed, header), await builtModules(), {
  pages: LONGEST / 32,
  rows: ROWS,
});
const texts = await readTexts(textFile, Number(values.tokens));
const measure = (layers: readonly number[]): boolean[][] => {
  llama.layers = layers;
  return predictions(llama, texts);
};

const all = Array.from({ length: header.config.layers }, (_, layer) => layer);
const done = await readLog(values.log);
const row = (layers: readonly number[], removed: number | "–") => {
  const hits = measure(layers);
  const cells = [layers.length, removed, agreementRate(hits).toFixed(4), tokensPerPass(hits, DRAFTED).toFixed(2)];
  console.log(`| ${cells.join(" | ")} |`);
};

const positions = texts.reduce((sum, { answer }) => sum + answer.length, 0);
console.log(
  `${texts.length} texts, ${positions} positions\n\n| layers left | removed | agreement | tokens a pass, ${DRAFTED} drafted |\n|---|---|---|---|`,
);
row(all, "–");
for (const { layers, removed } of done) row(layers, removed);

const left: readonly number[] = done.at(-1)?.layers ?? all;
const keep = Number(values.keep);
let total = 0;
for (let n = left.length; n > keep; n--) total += n;
let tried = 0;
const progress = startProgress("trying without one", total);
const agreement = (layers: readonly number[]): number => {
  const rate = agreementRate(measure(layers));
  progress.update(++tried);
  return rate;
};
for await (const { removed, layers, worth } of greedyRemoval(left, keep, agreement)) {
  await appendFile(values.log, `${JSON.stringify({ removed, layers, agreement: worth })}\n`);
  row(layers, removed);
}
progress.end();
