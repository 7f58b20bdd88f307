/** `outrider report`: what recipes cost and what they left, as one HTML page. */
import { writeFile } from "node:fs/promises";
import { comparePacks, readFigures } from "../report/comparison.ts";
import { command } from "./command.ts";
import { many, text } from "./options.ts";
import { checkWritable } from "./writable.ts";

/** Windows of a text, and their tokens, on which the loss of a block is measured. */
const MEASURED = { text: "0..3", first: 0, count: 4, length: 128 };

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
  },
  notes: `The page loads nothing. It shows size against acceptance and perplexity, all figures, where the bytes lie,
what was removed, and what each block lost.`,
  async run({ files, against, out, text: file }) {
    await checkWritable("--out", out);
    const figures = await readFigures(files);
    const page = await comparePacks(figures, against, file === undefined ? undefined : { file, ...MEASURED });
    await writeFile(out, page);
    console.log(`${out}: ${figures.length} ${figures.length === 1 ? "pack" : "packs"}`);
  },
});
