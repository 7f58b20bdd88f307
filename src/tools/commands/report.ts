/** `outrider report`: what recipes cost and what they left, as one HTML page. */
import { writeFile } from "node:fs/promises";
import { comparePacks, readFigures } from "../report/comparison.ts";
import { command } from "./command.ts";
import { flag, many, span, text, whole } from "./options.ts";
import { checkWritable } from "./writable.ts";

export const reportCommand = command({
  examples: [
    [
      "outrider report figures.jsonl --against target-pack --out report.html",
      "from the lines of `outrider eval --json`",
    ],
    [
      "outrider report figures.jsonl --against model.gguf --out report.html --text wiki.txt",
      "also how much the original minds the loss of each block",
    ],
  ],
  positionals: { files: many("FIGURES.jsonl", "lines of `outrider eval --json`; a pack's last line counts") },
  options: {
    against: text("PACK|GGUF", "the original that the packs were made from", { required: true }),
    out: text("FILE.html", "where the page goes", { required: true }),
    text: text("FILE", "measures on this text how much the original minds each block of each pack"),
    windows: span("which windows of the text, from 0", { default: "0..3" }),
    length: whole("tokens of each window", { from: 2, default: 128 }),
    json: flag("prints the result as JSON"),
  },
  notes: `The page loads nothing. It shows size against acceptance and perplexity, all figures, where the bytes lie,
what was removed, and what each block lost.`,
  async run({ files, against, out, text: file, windows, length, json }) {
    await checkWritable("--out", out);
    const figures = await readFigures(files);
    const page = await comparePacks(figures, against, file === undefined ? undefined : { file, length, ...windows });
    await writeFile(out, page);
    if (json) return console.log(JSON.stringify({ file: out, packs: figures.map(({ pack }) => pack) }));
    console.log(`${out}: ${figures.length} ${figures.length === 1 ? "pack" : "packs"}`);
  },
});
