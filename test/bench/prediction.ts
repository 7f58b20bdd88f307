/**
 * `npm run bench:prediction`: target passes per token of an edited file whose old text the client sends as
 * `prediction`. The target is replayed from the edited file, the lookup drafter, the window and the loop are the
 * service's own, and no model drafts. Nothing depends on the machine. `--quick` leaves the smaller draft out.
 *
 *   stated      the file is in the prompt, as in a usual request, and is the prediction
 *   unstated    the same without a prediction: copies of the prompt alone
 *   only        the file is the prediction and not in the prompt
 *
 * The second table is a Session that prefers time and has learned nothing yet, in virtual time (test/support/world.ts):
 * every 50th token of the prediction is wrong, and `gain` is the speed as a multiple of that without drafts.
 *
 * The last line is JSON. The bound of 0.15 is of the column `stated` at 31 draft tokens, rewritten files apart.
 */
import { readFileSync } from "node:fs";
import { CopyDrafter } from "../../src/core/draft/copy-drafter.ts";
import { ChatTemplate } from "../../src/core/model/chat.ts";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { History } from "../../src/core/speculate/history.ts";
import { costOf } from "../../src/core/speculate/pass-cost.ts";
import { PASS_COSTS } from "../../src/origin/pass-costs.ts";
import { textTable } from "../../src/tools/charts/text-table.ts";
import { replay } from "../../src/tools/evaluate/replay.ts";
import { parseOptions } from "../support/parse-options.ts";
import { live, PROMPT, truthOf } from "../support/world.ts";
import { EDITS, SOURCE } from "./prediction/edits.ts";

const { quick, tokenizer: folder } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    tokenizer: { type: "string", default: "models/smollm2-135m-draft-m/pack" },
  },
}).values;
const tokenizer = openTokenizer(readFileSync(`${folder}/tokenizer.json`, "utf8"));
const chat = new ChatTemplate(readFileSync(`${folder}/tokenizer_config.json`, "utf8"), tokenizer);
/** Draft tokens of a pass: as many as the wire takes, and as many as vLLM does. */
const DRAFTED = quick ? [31] : [31, 8];

const rows: Record<string, number | string>[] = [];
for (const { name, ask, edited } of EDITS) {
  const prediction = tokenizer.encode(SOURCE);
  const answer = tokenizer.encode(edited);
  const promptOf = (content: string) => chat.encode([{ role: "user", content }]);
  const withFile = promptOf(`${ask}\n\n${SOURCE}`);
  const without = promptOf(ask);
  for (const drafted of DRAFTED) {
    const perToken = async (prompt: readonly number[], expected: readonly number[]) => {
      const { passes } = await replay({ prompt, answer }, new CopyDrafter(prompt, expected), { tokens: drafted });
      return Number((passes / answer.length).toFixed(3));
    };
    rows.push({
      edit: name,
      drafted,
      tokens: answer.length,
      stated: await perToken(withFile, prediction),
      unstated: await perToken(withFile, []),
      only: await perToken(without, prediction),
    });
  }
}

const TARGET_MS = 25;
const timed: Record<string, number | string>[] = [];
for (const passes of ["gemm16", "llamacpp4"] as const) {
  for (const roundTripMs of [5, 40, 150]) {
    const passCost = PASS_COSTS[passes];
    const passMs = (drafted: number) => TARGET_MS * costOf(passCost, drafted + 1);
    const world = { roundTripMs, draftStepMs: 0, passMs, passCost, confidences: [0.5], tokens: 1000, jitter: 0.05 };
    const expected = truthOf(world)
      .slice(PROMPT.length)
      .map((id, n) => (n % 50 === 49 ? id + 1 : id));
    const spoil = () => new CopyDrafter(PROMPT, expected);
    const policy = { maxDraft: 31, patience: "auto", spare: "time" } as const;
    const { perMs, ...ran } = await live({ ...world, spoil }, policy, new History());
    timed.push({
      ...{ passes, round_trip_ms: roundTripMs },
      per_token: Number((ran.passes / ran.tokens).toFixed(3)),
      gain: Number((perMs * TARGET_MS).toFixed(1)),
    });
  }
}

/** A table of objects that have the same fields. */
const table = (all: readonly Record<string, number | string>[]): string =>
  textTable(
    Object.keys(all[0]!),
    all.map((row) => Object.values(row).map(String)),
  ).join("\n");
console.log(`${table(rows)}\n\n${table(timed)}`);
console.log(JSON.stringify({ lines: SOURCE.split("\n").length - 1, rows, timed }));
