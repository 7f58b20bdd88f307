/** `outrider report`: what recipes cost and what they left, as one HTML page. */
import { writeFile } from "node:fs/promises";
import { comparePacks, readFigures } from "../report/comparison.ts";
import { command } from "./command.ts";
import { many, text } from "./options.ts";
import { checkWritable } from "./writable.ts";

export const reportCommand = command({
  examples: [
    [
      "outrider report figures.jsonl --against target-pack --out report.html",
      "from the lines of `outrider eval --json`",
    ],
  ],
  positionals: { files: many("FIGURES.jsonl", "lines of `outrider eval --json`; a pack's last line counts") },
  options: {
    against: text("PACK|GGUF", "the original that the packs were made from", { required: true }),
    out: text("FILE.html", "where the page goes", { required: true }),
  },
  notes: `The page loads nothing. It shows size against acceptance and perplexity, all figures, where the bytes lie,
what was removed, and what each block lost.`,
  async run({ files, against, out }) {
    await checkWritable("--out", out);
    const figures = await readFigures(files);
    const page = await comparePacks(figures, against);
    await writeFile(out, page);
    console.log(`${out}: ${figures.length} ${figures.length === 1 ? "pack" : "packs"}`);
  },
});
