/** `outrider invariance`: whether what llama.cpp says of a position depends on what is computed beside it. */
import { availableParallelism } from "node:os";
import { textTable } from "../charts/text-table.ts";
import { ANSWER, type Attention, type Company, Invariance } from "../evaluate/invariance.ts";
import { command } from "./command.ts";
import { one } from "./options.ts";

/** With flash attention as the engine uses it, as `--exact` does, and without. */
const ATTENTIONS: readonly Attention[] = [
  { flash: true, values: "F16" },
  { flash: true, values: "Q8_0" },
  { flash: false, values: "F16" },
];

const COMPANIES: readonly Company[] = [
  { rows: 1 },
  { rows: 2 },
  { rows: 3 },
  { rows: 4 },
  { rows: 8 },
  { rows: 16 },
  { rows: 1, slice: 5 },
  { rows: 1, beside: 1 },
  { rows: 3, beside: 3 },
];

/** Each stands behind those before it. */
const ANSWERS = 4;

const wordsOf = ({ rows, slice, beside }: Company): string =>
  `${rows} ${rows === 1 ? "row" : "rows"}` +
  (slice === undefined ? "" : `, prompt in slices of ${slice}`) +
  (beside === undefined ? "" : `, beside ${beside} of another sequence`);

export const invarianceCommand = command({
  examples: [
    ["outrider invariance model.gguf", "whether drafts can change this model's text on this machine, and by how much"],
  ],
  positionals: { model: one("MODEL.gguf", "what llama.cpp runs") },
  notes: `The model writes ${ANSWERS} answers of ${ANSWER} tokens greedily, one row at a time, and reads them again in other company. A difference of 0
means that a row is the same to the bit. Tokens that flip are positions whose likeliest token is another; an answer
differs where one does.`,
  async run({ model }) {
    const threads = availableParallelism();
    await Invariance.each(model, { threads, gpu: true }, ATTENTIONS, async ({ flash, values }, opened) => {
      console.log(`\nflash attention ${flash ? "on" : "off"}, keys F16, values ${values}, ${threads} threads`);
      const rows: string[][] = [];
      for await (const { company, ...found } of opened.differences(ANSWERS, COMPANIES)) {
        rows.push([
          wordsOf(company),
          found.largest.toFixed(4),
          found.mean.toFixed(5),
          `${found.flips} of ${found.positions}`,
          `${found.answers} of ${ANSWERS}`,
        ]);
      }
      const heads = ["computed", "largest", "mean", "tokens that flip", "answers that differ"];
      for (const line of textTable(heads, rows)) console.log(line);
    });
  },
});
