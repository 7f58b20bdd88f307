/**
 * `outrider eval`: how well packs predict a text, alone and beside their original, and what they are worth as drafts.
 */

import type { TargetEngine } from "../../origin/engine.ts";
import { engineRow } from "../../origin/engines.ts";
import { textTable } from "../charts/text-table.ts";
import { figureTable, LEGEND } from "../evaluate/columns.ts";
import { evaluate } from "../evaluate/evaluate.ts";
import type { Figures } from "../evaluate/figures.ts";
import { kindTable } from "../evaluate/kinds.ts";
import { command } from "./command.ts";
import { flag, many, span, text, usage, whole } from "./options.ts";

/** A target on this machine, for one answer at a time. */
function engineOf(model: string): Promise<TargetEngine> {
  const { load } = engineRow(model.endsWith(".gguf") ? "llama" : "wasm");
  return load({ model, url: null, engineToken: null, kept: 1, kvTokens: null, threads: null, gpu: true });
}

export const evalCommand = command({
  examples: [
    ["outrider eval draft-pack --answers corpus.jsonl --served", "tokens per target pass on what the target wrote"],
    ["outrider eval a b --answers answers/ --served", "the same by kind of question, a file a kind in the folder"],
    ["outrider eval draft-pack --text wiki.txt --against target-pack", "perplexity, and KL from the original"],
    ["outrider eval a b c --answers corpus.jsonl --json > figures.jsonl", "a line a pack, for `outrider report`"],
  ],
  positionals: { models: many("PACK|GGUF", "models of one vocabulary") },
  options: {
    text: text("FILE", 'text, or lines of JSON: {"prompt": ids, "answer": ids} or {"text": …}; for perplexity'),
    windows: span("which windows of the text, from 0", { default: "0..63" }),
    length: whole("tokens of each window", { from: 2, default: 512 }),
    against: text("PACK|GGUF", "another model of the same vocabulary: KL from it, and the share of equal argmax"),
    answers: text(
      "FILE|DIR",
      '{"prompt": ids, "answer": ids} a line, written by the target; for acceptance. A folder has a file a kind',
    ),
    first: whole("how many answers of a file", { from: 1, default: 64 }),
    served: flag("also drafts the answers as the service does: the model alone, lookup alone, and both, with siblings"),
    drafted: whole("with --served: draft tokens of a pass at most, siblings included", { from: 1, default: 8 }),
    positions: whole("with --served: positions of a draft at most, however many siblings they have", { from: 1 }),
    chains: flag("with --served: drafts without siblings, which llama.cpp does not verify"),
    target: text(
      "PACK|GGUF",
      "with --served: the target that wrote the answers. It says what it would say behind refused tokens",
    ),
    noSpeed: flag("does not time the engine's decoding, which takes 3 seconds a model"),
    json: flag("prints a line of JSON a model"),
  },
  notes: `Models run in f32 on the values that their weights stand for. A model with a trimmed vocabulary has no
perplexity and no KL, because it cannot emit some of the tokens. With --target, drafts of lookup and of \`both\`
take a pass of it each, on this machine. Without one they lack the recycled tokens that they have in the service.`,
  async run({ models, windows, length, first, drafted, positions, chains, noSpeed, json, ...given }) {
    const { text: file, answers, against, served, target } = given;
    if (file === undefined && answers === undefined) throw usage("--text or --answers is missing");
    if (against !== undefined && file === undefined) throw usage("--against compares on a text; name one with --text");
    if (target !== undefined && !served) throw usage("--target says more of served drafts; add --served");
    if (served && answers === undefined) throw usage("--served drafts answers; name some with --answers");
    const all: Figures[] = [];
    const engine = target === undefined ? undefined : await engineOf(target);
    const evaluation = evaluate({
      models: models as [string, ...string[]],
      ...(file !== undefined && { text: { file, length, ...windows } }),
      ...(answers !== undefined && { answers: { file: answers, count: first } }),
      against,
      served,
      drafted,
      positions,
      chains,
      target: engine,
      speed: !noSpeed,
    });
    for await (const figures of evaluation) {
      all.push(figures);
      if (json) console.log(JSON.stringify(figures));
    }
    await engine?.close?.();
    if (json) return;
    const { heads, rows } = figureTable(all);
    console.log(textTable(heads, rows).join("\n"));
    for (const loops of [true, false]) {
      const table = kindTable(all, loops);
      if (!table) continue;
      console.log(`\n${loops ? "All answers" : "Without answers that loop (*)"}:`);
      console.log(textTable(table.heads, table.rows).join("\n"));
    }
    console.log(["", `On ${all[0]!.on}.`, ...LEGEND].join("\n"));
  },
});
